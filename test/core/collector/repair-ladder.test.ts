import { describe, expect, test } from 'vitest'
import { RepairLadder, type RepairStep } from '../../../src/core/collector/repair-ladder.ts'
import fc from '../../support/fast-check.ts'

const CYCLE: readonly RepairStep[] = ['resubscribe', 'reconnect', 'restart']
const ceiling = (): number => 1

/** The next `count` steps, when nothing comes between them, ten seconds apart. */
function steps(ladder: RepairLadder, most: RepairStep, count: number): RepairStep[] {
  return Array.from({ length: count }, (_, i) => ladder.next(i * 10_000, 0, most).step)
}

describe('where nothing helps', () => {
  test.each<[RepairStep, RepairStep[]]>([
    ['restart', [...CYCLE, ...CYCLE]],
    ['reconnect', ['resubscribe', 'reconnect', 'resubscribe', 'reconnect', 'resubscribe', 'reconnect']],
    ['resubscribe', ['resubscribe', 'resubscribe', 'resubscribe', 'resubscribe', 'resubscribe', 'resubscribe']],
  ])('at most %s: from the smallest step to the largest, and again', (most, expected) => {
    const ladder = new RepairLadder(ceiling)
    expect(steps(ladder, most, 6)).toEqual(expected)
    expect(ladder.total).toBe(6)
  })

  test('the first at once, the others after delays whose ceiling doubles up to a minute', () => {
    const ladder = new RepairLadder(ceiling)
    const delays = Array.from({ length: 9 }, (_, i) => ladder.next(i, 0, 'restart').delayMs)
    expect(delays).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  })

  // A regression: after ten minutes it began anew, so that in a slow market, where each finding takes minutes, a new connection was hardly
  // ever taken.
  test('however long it takes to find that: the next step follows the last one', () => {
    const ladder = new RepairLadder(ceiling)
    expect([0, 1, 2, 3].map((i) => ladder.next(i * 3_600_000, 0, 'restart').step)).toEqual([...CYCLE, 'resubscribe'])
  })
})

describe('a new story', () => {
  test.each<[string, number, number, RepairStep]>([
    ['data came for a minute', 60_000, 65_000, 'resubscribe'],
    ['for less, and not long ago', 59_999, 65_000, 'reconnect'],
    ['for less, ten minutes ago', 2_000, 600_000, 'resubscribe'],
    ['not at all, ten minutes ago', 0, 600_000, 'reconnect'],
  ])('%s', (_name, flowedMs, afterMs, step) => {
    const ladder = new RepairLadder(ceiling)
    ladder.next(0, 0, 'restart')
    const next = ladder.next(afterMs, flowedMs, 'restart')
    expect(next.step).toBe(step)
    expect(next.delayMs).toBe(step === 'resubscribe' ? 0 : 1_000)
  })
})

test('never more than is justified; delays within bounds; each one counted', () => {
  const finding = fc.record({
    afterMs: fc.nat(1_000_000),
    flowedMs: fc.nat(100_000),
    most: fc.constantFrom(...CYCLE),
    draw: fc.nat(99),
  })
  fc.assert(
    fc.property(fc.array(finding, { maxLength: 60 }), (findings) => {
      let [now, draw] = [0, 0]
      const ladder = new RepairLadder(() => draw)
      for (const one of findings) {
        now += one.afterMs
        draw = one.draw / 100
        const { step, delayMs } = ladder.next(now, one.flowedMs, one.most)
        expect(CYCLE.indexOf(step)).toBeLessThanOrEqual(CYCLE.indexOf(one.most))
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(60_000)
      }
      expect(ladder.total).toBe(findings.length)
    }),
    { seed: 4, numRuns: 300 },
  )
})
