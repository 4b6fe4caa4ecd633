import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createOkxCollector, silentLogger, type OkxCollector } from 'tapekeeper'
import { createRecorder, createReplay } from 'tapekeeper/node'
import { CORRUPT_KINDS, createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { eachSeed, isOneSeed, runs } from '../support/runs.ts'
import { observe } from './observe.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-replay-'))
afterAll(() => rmSync(folder, { recursive: true }))

const CONFIG = { symbol: 'BTC-USDT', dataTypes: ['trade', 'ticker', 'orderbook', 'candle'], logger: silentLogger } as const
const configOf = (fake: VirtualExchange, seed: number) => ({
  ...CONFIG,
  dataTypes: [...CONFIG.dataTypes],
  endpoints: fake.endpoints,
  orderBook: { depth: ([5, 400, 'full'] as const)[seed % 3] },
  candles: { source: seed % 2 === 0 ? ('trades' as const) : ('exchange' as const) },
  redundancy: seed % 5 === 0 ? (2 as const) : (1 as const),
})

/** Something goes wrong every second or two. */
async function trouble(fake: VirtualExchange, seed: number, seconds: number): Promise<void> {
  const random = seededRandom(`trouble ${seed}`)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const faults: readonly (() => unknown)[] = [
    () => fake.drop(),
    () => fake.halfOpen(),
    () => fake.closeAfterAck({ forMs: 2_000 }),
    () => fake.refuse({ status: 429, retryAfterSeconds: 1, forMs: 1_500 }),
    () => fake.refuse({ hang: true, forMs: 3_000 }),
    () => fake.corrupt(pick(CORRUPT_KINDS)),
    () => fake.failRest({ forMs: 2_000 }),
    () => fake.failRest({ cut: true, times: 2 }),
    () => fake.notice({ closeAfterMs: 1_500 }),
    () => fake.skip('BTC-USDT', 2),
    () => fake.resend('BTC-USDT', 2),
    () => fake.silenceAcks('BTC-USDT'),
    () => fake.heal(),
    () => fake.restDelay(700),
    // A recording has one time, whatever the wall clock does meanwhile.
    () => fake.clock.stepWall(pick([-3_600_000, -3_000, 700, 3 * 3_600_000])),
    () => fake.send('{"event":"error","code":"60014","msg":"Requests too frequent"}'),
  ]
  for (let at = 0; at < seconds;) {
    pick(faults)()
    const step = 0.2 + 2 * random()
    await fake.clock.advance(step * 1_000)
    at += step
  }
}

async function inVirtualTime(fake: VirtualExchange, promise: Promise<unknown>): Promise<void> {
  const progress = { done: false }
  void promise.finally(() => (progress.done = true))
  while (!progress.done) await fake.clock.advance(50)
}

const SIZES = { quick: 5, deep: 25 }

test('troubled sessions are replayed to the byte', async () => {
  let points = 0
  await eachSeed(SIZES, async (seed) => {
    const fake = createVirtualExchange({ seed, tradesPerSecond: 20, bookUpdatesPerSecond: 3 })
    const file = join(folder, `${seed}.ndjson.gz`)
    const recorder = createRecorder({ file, exchange: 'okx', ports: fake.ports })
    if (seed % 3 === 0) fake.failRest({ times: 2 })
    const recorded: OkxCollector = createOkxCollector({ ...configOf(fake, seed), ports: recorder.ports })
    const live = observe(recorded)
    void recorded.start()
    await trouble(fake, seed, 25)
    await recorder.note('more')
    const recordedToo = createOkxCollector({ ...configOf(fake, seed), symbol: 'ETH-USDT', ports: recorder.ports })
    const liveToo = observe(recordedToo)
    void recordedToo.start()
    await trouble(fake, seed + 0.5, 15)
    await recorder.note('stop')
    await inVirtualTime(fake, Promise.all([recorded.stop(), recordedToo.stop()]))
    await recorder.close()
    await fake.close()
    expect(fake.clock.pending).toBe(0)

    const replay = await createReplay(file, {
      onNote: (note) => (note === 'more' ? void replayedToo.start() : Promise.all([replayed.stop(), replayedToo.stop()])),
    })
    const replayed = createOkxCollector({ ...configOf(fake, seed), ports: replay.ports })
    const replayedToo = createOkxCollector({ ...configOf(fake, seed), symbol: 'ETH-USDT', ports: replay.ports })
    const again = observe(replayed)
    const againToo = observe(replayedToo)
    void replayed.start()
    await replay.run()
    expect(again.events, 'events').toEqual(live.events)
    expect(again.points, 'points').toEqual(live.points)
    expect(againToo.events, 'other events').toEqual(liveToo.events)
    expect(againToo.points, 'other points').toEqual(liveToo.points)
    expect(replayed.getCompleteness()).toEqual(recorded.getCompleteness())
    points += live.points.length + liveToo.points.length
  })
  // Some sessions have no luck at all.
  if (!isOneSeed) expect(points).toBeGreaterThan(runs(SIZES) * 200)
})
