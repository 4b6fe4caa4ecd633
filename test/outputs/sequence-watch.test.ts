import { expect, test } from 'vitest'
import { SequenceWatch } from '../../src/outputs/sequence-watch.ts'
import fc from '../support/fast-check.ts'

const stream = 'okx:BTC-USDT:trade'

test('a run of messages with holes and repetitions: each comes once, each hole is named exactly', () => {
  const anyRun = fc.array(fc.record({ isLost: fc.boolean(), times: fc.integer({ min: 1, max: 3 }), back: fc.nat(4) }), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(anyRun, (run) => {
      const watch = new SequenceWatch()
      const taken: number[] = []
      const lost: number[] = []
      let first: number | undefined
      const see = (sequence: number): void => {
        const verdict = watch.see({ stream, session: 's', sequence })
        if (verdict.kind === 'session') first = sequence
        if (verdict.kind === 'loss') for (let i = verdict.from; i <= verdict.to; i++) lost.push(i)
        if (verdict.kind !== 'duplicate') taken.push(sequence)
      }
      run.forEach(({ isLost, times, back }, index) => {
        if (isLost) return
        for (let i = 0; i < times; i++) see(index + 1)
        see(Math.max(1, index + 1 - back))
      })
      expect(taken).toEqual(taken.toSorted((a, b) => a - b))
      const all = [...taken, ...lost].toSorted((a, b) => a - b)
      expect(all).toEqual(all.map((_, index) => (first ?? 1) + index))
    }),
  )
})

test('sessions of one stream are followed side by side', () => {
  const watch = new SequenceWatch()
  const see = (session: string, sequence: number) => watch.see({ stream, session, sequence })
  expect(see('a', 7)).toEqual({ kind: 'session', previous: undefined })
  expect(see('b', 1)).toEqual({ kind: 'session', previous: { session: 'a', sequence: 7 } })
  expect(see('a', 8)).toEqual({ kind: 'next' })
  expect(see('b', 4)).toEqual({ kind: 'loss', from: 2, to: 3 })
  expect(see('a', 8)).toEqual({ kind: 'duplicate' })
  expect(see('c', 2)).toEqual({ kind: 'session', previous: { session: 'b', sequence: 4 } })
})

test('streams have nothing to do with each other', () => {
  const watch = new SequenceWatch()
  watch.see({ stream, session: 'a', sequence: 1 })
  expect(watch.see({ stream: 'okx:ETH-USDT:trade', session: 'a', sequence: 5 })).toEqual({ kind: 'session', previous: undefined })
})

test('it does not grow with the restarts of a publisher', () => {
  const watch = new SequenceWatch()
  for (let i = 0; i < 100; i++) watch.see({ stream, session: `s${String(i).padStart(3, '0')}`, sequence: 1 })
  expect(watch.see({ stream, session: 's099', sequence: 1 })).toEqual({ kind: 'duplicate' })
  expect(watch.see({ stream, session: 's000', sequence: 1 }).kind).toBe('session')
})

test('a session from before our time is outdated, a known or a later one is not', () => {
  const watch = new SequenceWatch()
  expect(watch.isOutdated({ stream, session: 'b' })).toBe(true)
  watch.see({ stream, session: 'b', sequence: 1 })
  expect(['a', 'b', 'c'].map((session) => watch.isOutdated({ stream, session }))).toEqual([true, false, false])
})

test('a stream that is read again has come as far as before, by the session that it shows', () => {
  const watch = new SequenceWatch()
  watch.see({ stream, session: 'b', sequence: 4 })
  watch.see({ stream, session: 'c', sequence: 9 })
  const reached = (session: string, sequence: number, of = stream) => watch.hasReached({ stream: of, session, sequence })
  expect([reached('b', 3), reached('b', 4), reached('b', 5)]).toEqual([false, true, true])
  expect([reached('c', 8), reached('c', 9)]).toEqual([false, true])
  // A session that was never seen says nothing of how far we had come, nor does another stream.
  expect([reached('a', 99), reached('d', 99), reached('b', 4, 'okx:ETH-USDT:trade')]).toEqual([false, false, false])
})
