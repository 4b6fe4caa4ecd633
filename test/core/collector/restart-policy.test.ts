import { describe, expect, test } from 'vitest'
import { NO_RESTARTS, nextRestart, type RestartHistory } from '../../../src/core/collector/restart-policy.ts'

const POLICY = { delayMs: 1_000, maxRestarts: 3, stableAfterMs: 60_000 }
const NOW = Date.UTC(2026, 0, 1)
const half = (): number => 0.5

test('the ceiling doubles, and after maxRestarts it gives up', () => {
  let history: RestartHistory = NO_RESTARTS
  const delays: number[] = []
  for (;;) {
    const next = nextRestart(history, NOW, POLICY, half)
    if (next === 'give-up') break
    delays.push(next.delayMs)
    history = next.history
  }
  expect(delays).toEqual([500, 1_000, 2_000])
})

test('a stable period starts the count afresh', () => {
  const history = { count: 3, lastAt: NOW }
  expect(nextRestart(history, NOW + 60_000, POLICY, half)).toBe('give-up')
  expect(nextRestart(history, NOW + 60_001, POLICY, half)).toEqual({ history: { count: 1, lastAt: NOW + 60_501 }, delayMs: 500 })
})

describe('edges', () => {
  test('no restarts allowed', () => expect(nextRestart(NO_RESTARTS, NOW, { ...POLICY, maxRestarts: 0 }, half)).toBe('give-up'))
  test('no delay wanted', () =>
    expect(nextRestart(NO_RESTARTS, NOW, { ...POLICY, delayMs: 0 }, half)).toMatchObject({ delayMs: 0 }))
  test('never longer than five minutes', () => {
    const next = nextRestart({ count: 40, lastAt: NOW }, NOW, { ...POLICY, maxRestarts: 100 }, () => 0.999_999)
    expect(next).toMatchObject({ delayMs: expect.closeTo(300_000, -1) as number })
  })
})
