import { describe, expect, test } from 'vitest'
import { WantedSymbols, type SymbolChanges } from '../../../src/core/collector/wanted-symbols.ts'
import fc from '../../support/fast-check.ts'

type Outcome = 'ok' | 'false' | 'throws'

/** A source that does what it is told, or not; and the words that went over the wire. */
function source(outcomes: { subscribe?: Outcome; unsubscribe?: Outcome } = {}, isCurrent = (): boolean => true) {
  const said: string[] = []
  const errors: string[] = []
  const answer = (name: 'subscribe' | 'unsubscribe', symbols: readonly string[]): Promise<boolean> => {
    said.push(`${name} ${symbols.join(' ')}`)
    if (outcomes[name] === 'throws') throw new Error(`${name} failed`)
    return Promise.resolve(outcomes[name] !== 'false')
  }
  const changes: SymbolChanges = {
    subscribe: (symbols) => answer('subscribe', symbols),
    unsubscribe: (symbols) => answer('unsubscribe', symbols),
    onError: ({ message }) => void errors.push(message),
    isCurrent,
  }
  return { said, errors, changes }
}

/** Wanted and collected: A and B. */
function collecting(): WantedSymbols {
  const symbols = new WantedSymbols(['A', 'B', 'A'])
  symbols.begin()
  symbols.subscribing()
  return symbols
}

test('tells whether a change is news', () => {
  const symbols = new WantedSymbols(['A'])
  expect([symbols.add('A'), symbols.add('B'), symbols.remove('C'), symbols.remove('A')]).toEqual([false, true, false, true])
  expect([symbols.wanted, symbols.collected]).toEqual([['B'], []])
})

test('subscribing takes all that is wanted; a new run begins with nothing', () => {
  const symbols = collecting()
  expect(symbols.collected).toEqual(['A', 'B'])
  symbols.begin()
  expect([symbols.wanted, symbols.collected]).toEqual([['A', 'B'], []])
})

describe('follow', () => {
  test.each<[string, { subscribe?: Outcome; unsubscribe?: Outcome }, string[], string[]]>([
    ['asks for the difference, leaving first', {}, ['B', 'C'], []],
    ['what did not come is not collected', { subscribe: 'false' }, ['B'], ['subscribeToData() returned false for C']],
    ['nor what failed', { subscribe: 'throws' }, ['B'], ['subscribe failed']],
    [
      'what did not leave has left all the same',
      { unsubscribe: 'false' },
      ['B', 'C'],
      ['unsubscribeFromData() returned false for A'],
    ],
    ['and does not keep the others', { unsubscribe: 'throws' }, ['B', 'C'], ['unsubscribe failed']],
  ])('%s', async (_name, outcomes, collected, expectedErrors) => {
    const symbols = collecting()
    symbols.remove('A')
    symbols.add('C')
    const { said, errors, changes } = source(outcomes)
    await symbols.follow(changes)
    expect([said, errors]).toEqual([['unsubscribe A', 'subscribe C'], expectedErrors])
    expect(symbols.collected).toEqual(collected)
  })

  test('nothing changed: nothing is said', async () => {
    const symbols = collecting()
    symbols.remove('A')
    symbols.add('A')
    const { said, changes } = source()
    await symbols.follow(changes)
    expect(said).toEqual([])
  })

  test('for a run that has ended: no subscription, and nothing is called collected', async () => {
    const symbols = collecting()
    symbols.remove('A')
    symbols.add('C')
    const { said, changes } = source({}, () => false)
    await symbols.follow(changes)
    expect([said, symbols.collected]).toEqual([['unsubscribe A'], ['B']])
  })

  test('whatever was changed: once all goes well, what is wanted is what is collected', async () => {
    const names = fc.constantFrom('A', 'B', 'C', 'D')
    const outcome = fc.constantFrom<Outcome>('ok', 'ok', 'false', 'throws')
    const change = fc.record({ name: names, adds: fc.boolean(), subscribe: outcome, unsubscribe: outcome })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 30 }), async (changes) => {
        const symbols = collecting()
        for (const { name, adds, ...outcomes } of changes) {
          if (adds) symbols.add(name)
          else symbols.remove(name)
          const before = symbols.collected
          const { said, changes: hooks } = source(outcomes)
          await symbols.follow(hooks)
          expect(symbols.collected.every((symbol) => symbols.wanted.includes(symbol))).toBe(true)
          // Nobody is asked twice for what is there.
          for (const words of said.filter((line) => line.startsWith('subscribe')))
            expect(
              words
                .split(' ')
                .slice(1)
                .some((symbol) => before.includes(symbol)),
            ).toBe(false)
        }
        await symbols.follow(source().changes)
        expect([...symbols.collected].sort()).toEqual([...symbols.wanted].sort())
      }),
      { seed: 6, numRuns: 200 },
    )
  })
})
