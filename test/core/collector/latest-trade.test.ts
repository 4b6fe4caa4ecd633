import { describe, expect, test } from 'vitest'
import { LatestTrade } from '../../../src/core/collector/latest-trade.ts'
import type { PointOf } from '../../../src/domain/market-data.ts'
import { sleep } from '../../../src/ports/clock.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'

type Answer = number | undefined | Error

/** REST that gives one answer after the other, each after `delayMs`. */
function setUp(answers: readonly Answer[], delayMs = 100) {
  const clock = createVirtualClock(0)
  const signals: AbortSignal[] = []
  const latest = new LatestTrade(async (signal) => {
    const answer = answers[signals.length]
    signals.push(signal)
    await sleep(clock, delayMs, signal)
    if (answer instanceof Error) throw answer
    return answer === undefined ? undefined : ({ timestamp: answer } as PointOf<'trade'>)
  }, clock)
  const at = async (): Promise<number | undefined> => (await latest.get())?.timestamp
  return { clock, signals, latest: { at, stop: () => latest.stop() } }
}

test.each<[string, Answer, unknown]>([
  ['when it last traded', 42, 42],
  ['never', undefined, undefined],
])('%s', async (_name, answer, expected) => {
  const { clock, latest } = setUp([answer])
  const asked = latest.at()
  await clock.advance(100)
  expect(await asked).toBe(expected)
})

describe('one question serves all who ask within half a second', () => {
  test.each([
    [0, 1],
    [499, 1],
    [500, 2],
    [5_000, 2],
  ])('%i ms later: %i requests', async (laterMs, requests) => {
    const { clock, signals, latest } = setUp([1, 2])
    const first = latest.at()
    await clock.advance(laterMs)
    const second = latest.at()
    await clock.advance(100)
    expect([await first, await second, signals.length]).toEqual([1, requests, requests])
  })

  test('that half second begins with the question, however slow the answer', async () => {
    const { clock, signals, latest } = setUp([1, 2], 3_000)
    const first = latest.at()
    await clock.advance(600)
    const second = latest.at()
    await clock.advance(3_000)
    expect([await first, await second, signals.length]).toEqual([1, 2, 2])
  })

  test('a failure too, and the next one asks anew', async () => {
    const { clock, signals, latest } = setUp([new Error('no'), 7])
    const failed = [latest.at(), latest.at()].map((answer) => expect(answer).rejects.toThrow('no'))
    await clock.advance(500)
    await Promise.all(failed)
    const next = latest.at()
    await clock.advance(100)
    expect([await next, signals.length]).toEqual([7, 2])
  })
})

test('stop ends what is under way', async () => {
  const { clock, signals, latest } = setUp([1], 3_000)
  const rejected = expect(latest.at()).rejects.toThrow()
  await clock.advance(10)
  latest.stop()
  await rejected
  expect([signals[0]?.aborted, clock.pending]).toEqual([true, 0])
})
