import { describe, expect, test } from 'vitest'
import { stepLink, type LinkEffect, type LinkEnv, type LinkInput, type LinkState } from '../../../src/core/link/link-state.ts'
import fc from '../../support/fast-check.ts'

const env: LinkEnv = { now: 1_000, needsLogin: false, delayFor: (attempt) => 100 * 2 ** attempt }
const withLogin: LinkEnv = { ...env, needsLogin: true }
const loss = { message: 'connection closed: 1006', closeCode: 1006 }

const at = (status: 'connecting' | 'authenticating' | 'open', epoch = 2, attempt = 1): LinkState => ({ status, epoch, attempt })
const waiting: LinkState = { status: 'waiting', epoch: 2, attempt: 1, until: 1_200, loss }
const closed: LinkState = { status: 'closed', reason: 'stopped' }

describe('transitions', () => {
  test.each<[string, LinkState, LinkInput, LinkEnv, LinkState, LinkEffect[]]>([
    ['start dials', { status: 'idle' }, { type: 'start' }, env, at('connecting', 1, 0), [{ type: 'dial', epoch: 1, attempt: 0 }]],
    ['stop before the start', { status: 'idle' }, { type: 'stop' }, env, closed, []],
    ['opened', at('connecting'), { type: 'opened', epoch: 2 }, env, at('open'), [{ type: 'ready', epoch: 2 }]],
    [
      'opened, login first',
      at('connecting'),
      { type: 'opened', epoch: 2 },
      withLogin,
      at('authenticating'),
      [{ type: 'login', epoch: 2 }],
    ],
    ['logged in', at('authenticating'), { type: 'logged-in', epoch: 2 }, withLogin, at('open'), [{ type: 'ready', epoch: 2 }]],
    ['proved stable', at('open', 2, 7), { type: 'proved-stable', epoch: 2 }, env, at('open', 2, 0), []],
    [
      'the timer dials again',
      waiting,
      { type: 'timer', epoch: 2 },
      env,
      at('connecting', 3, 2),
      [{ type: 'dial', epoch: 3, attempt: 2 }],
    ],
  ])('%s', (_name, state, input, environment, expected, effects) => {
    expect(stepLink(state, input, environment)).toEqual([expected, effects])
  })

  test.each(['connecting', 'authenticating', 'open'] as const)('a loss while %s discards, waits and wakes', (status) => {
    const [state, effects] = stepLink(at(status), { type: 'lost', epoch: 2, loss }, env)
    expect(state).toEqual({ status: 'waiting', epoch: 2, attempt: 1, until: 1_200, loss })
    expect(effects).toEqual([
      { type: 'discard', epoch: 2, politely: false },
      { type: 'wake', epoch: 2, at: 1_200 },
    ])
  })

  test('a loss waits at least as long as the server asked', () => {
    const [state] = stepLink(at('connecting'), { type: 'lost', epoch: 2, loss: { ...loss, retryAfterMs: 60_000 } }, env)
    expect(state).toMatchObject({ until: 61_000 })
  })

  test.each([
    [946_080_000_000, 601_000],
    [Infinity, 601_000],
    [NaN, 1_200],
    [-1, 1_200],
  ])('asked for %s ms, until %i: no server ends the dialling', (retryAfterMs, until) => {
    const [state] = stepLink(at('connecting'), { type: 'lost', epoch: 2, loss: { ...loss, retryAfterMs } }, env)
    expect(state).toMatchObject({ until })
  })

  test.each(['connecting', 'authenticating', 'open'] as const)(
    'stop and refused credentials end a link that is %s, politely',
    (status) => {
      const effects = [{ type: 'discard', epoch: 2, politely: true }]
      expect(stepLink(at(status), { type: 'stop' }, env)).toEqual([closed, effects])
      expect(stepLink(at(status), { type: 'auth-failed', epoch: 2 }, env)).toEqual([
        { status: 'closed', reason: 'auth' },
        effects,
      ])
    },
  )

  test('stop while waiting closes', () => expect(stepLink(waiting, { type: 'stop' }, env)[0]).toEqual(closed))
})

describe('any sequence of inputs', () => {
  const types = ['opened', 'logged-in', 'auth-failed', 'proved-stable', 'lost', 'timer'] as const
  /** `back`: which dial the news is about, counted from the newest; 0 is today's. */
  const news = fc.tuple(fc.constantFrom(...types), fc.oneof(fc.constant(0), fc.nat(3)))
  const command = fc.oneof({ weight: 12, arbitrary: news }, { weight: 2, arbitrary: fc.constantFrom('start', 'stop') })
  const toInput = (each: 'start' | 'stop' | [(typeof types)[number], number], epoch: number): LinkInput => {
    if (typeof each === 'string') return { type: each }
    const [type, back] = each
    return type === 'lost' ? { type, epoch: epoch - back, loss } : { type, epoch: epoch - back }
  }

  test('leaves at most one connection that was not discarded; stale news changes nothing; closed is final', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60, size: 'max' }), fc.boolean(), (commands, needsLogin) => {
        let state: LinkState = { status: 'idle' }
        let newest = 0
        const alive = new Set<number>()
        for (const each of commands) {
          const input = toInput(each, newest)
          const [next, effects]: readonly [LinkState, readonly LinkEffect[]] = stepLink(state, input, { ...env, needsLogin })
          if ('epoch' in input && input.epoch !== newest) expect([next, effects]).toEqual([state, []])
          if (state.status === 'closed') expect([next, effects]).toEqual([state, []])
          for (const effect of effects) {
            if (effect.type === 'dial') {
              expect(effect.epoch).toBe(newest + 1)
              newest = effect.epoch
              // Every dial follows the discard of the one before.
              expect([...alive]).toEqual([])
              alive.add(effect.epoch)
            } else if (effect.type === 'discard') {
              alive.delete(effect.epoch)
            } else {
              expect(effect.epoch).toBe(newest)
            }
          }
          expect(alive.size).toBeLessThanOrEqual(1)
          const shouldLive: boolean = next.status === 'connecting' || next.status === 'authenticating' || next.status === 'open'
          expect(alive.size).toBe(shouldLive ? 1 : 0)
          state = next
        }
      }),
      { seed: 9, numRuns: 1_000 },
    )
  })

  test('after any sequence a link can still be stopped, and then stays stopped', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30, size: 'max' }), (commands) => {
        let state: LinkState = { status: 'idle' }
        for (const each of commands) {
          const epoch: number = 'epoch' in state ? state.epoch : 0
          state = stepLink(state, toInput(each, epoch), env)[0]
        }
        const [stopped] = stepLink(state, { type: 'stop' }, env)
        expect(stopped.status).toBe('closed')
      }),
      { seed: 10, numRuns: 300 },
    )
  })

  test('the attempt grows with each dial until the link has proved stable', () => {
    let state: LinkState = stepLink({ status: 'idle' }, { type: 'start' }, env)[0]
    for (let epoch = 1; epoch <= 5; epoch++) {
      expect(state).toMatchObject({ status: 'connecting', epoch, attempt: epoch - 1 })
      state = stepLink(state, { type: 'opened', epoch }, env)[0]
      state = stepLink(state, { type: 'lost', epoch, loss }, env)[0]
      state = stepLink(state, { type: 'timer', epoch }, env)[0]
    }
    state = stepLink(state, { type: 'opened', epoch: 6 }, env)[0]
    state = stepLink(state, { type: 'proved-stable', epoch: 6 }, env)[0]
    state = stepLink(state, { type: 'lost', epoch: 6, loss }, env)[0]
    expect(state).toMatchObject({ status: 'waiting', attempt: 0, until: 1_100 })
  })
})
