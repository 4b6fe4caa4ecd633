import { expect, test } from 'vitest'
import { KEEPALIVE_START, keepaliveRule, stepKeepalive, type KeepaliveVerdict } from '../../../src/core/link/keepalive.ts'
import fc from '../../support/fast-check.ts'

const RULE = { pingAfter: 3, deadAfter: 6 }

function run(heard: readonly boolean[]): KeepaliveVerdict[] {
  let state = KEEPALIVE_START
  return heard.map((each) => {
    const [next, verdict] = stepKeepalive(state, each, RULE)
    state = next
    return verdict
  })
}

test.each([
  ['heard all the time', [true, true, true], ['alive', 'alive', 'alive']],
  ['one ping, then dead', [false, false, false, false, false, false], ['alive', 'alive', 'ping', 'alive', 'alive', 'dead']],
  [
    'an answer starts afresh',
    [false, false, false, true, false, false, false],
    ['alive', 'alive', 'ping', 'alive', 'alive', 'alive', 'ping'],
  ],
])('%s', (_name, heard, expected) => expect(run(heard)).toEqual(expected))

test('dead exactly when nothing was heard for deadAfter ticks, and never without a ping before', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 40, size: 'max' }), (heard) => {
      const verdicts = run(heard)
      verdicts.forEach((verdict, index) => {
        const silent = index - heard.lastIndexOf(true, index)
        expect(verdict === 'dead').toBe(silent >= RULE.deadAfter)
        if (verdict === 'ping') expect(silent).toBe(RULE.pingAfter)
        if (verdict === 'dead') expect(verdicts.slice(0, index)).toContain('ping')
      })
    }),
    { seed: 8, numRuns: 300 },
  )
})

test.each([1_000, 5_000, 25_000])(
  'a connection silent from any moment is dead early enough to be replaced within two periods of %i ms',
  (periodMs) => {
    const { tickMs, rule } = keepaliveRule(periodMs)
    // The tick in which it fell silent still counts as heard.
    expect((rule.deadAfter + 1) * tickMs).toBeLessThan(2 * periodMs)
    expect(rule.pingAfter * tickMs).toBeLessThan(periodMs)
    expect(rule.deadAfter).toBeGreaterThan(rule.pingAfter)
  },
)
