import { expect, test } from 'vitest'
import { createMemoryCursorStore, createOkxCollector, silentLogger, type OkxCollector } from 'tapekeeper'
import { createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { eachSeed, isOneSeed, runs } from '../../support/runs.ts'
import { brokenAgainst, fillsIn, logTape, newTapeLog, type TapeLog } from './tape-log.ts'

// The promise, checked against the fake exchange: what is delivered and what is declared missing cover every id, in order, once.

const SIZES = { quick: 100, deep: 2_000 }
const SYMBOL = 'BTC-USDT'
/** No trade waits longer behind a hole: `repairTimeoutMs`, and one reading that had begun before (three attempts of 5 s). */
const LONGEST_WAIT_MS = 15_000 + 17_000

interface Outcome {
  readonly log: TapeLog
  readonly problem: string | undefined
}

/** Faults of the market data and of the connection. */
function disturb(fake: VirtualExchange, random: () => number): void {
  const kinds: (() => unknown)[] = [
    () => fake.drop(),
    () => fake.resend(SYMBOL, 1 + Math.floor(random() * 5)),
    () => fake.reorder(SYMBOL),
    () => fake.skip(SYMBOL, 1 + Math.floor(random() * 4)),
    () => fake.halfOpen(),
    () => fake.closeAfterAck({ forMs: Math.floor(random() * 3_000) }),
    () => fake.mute(SYMBOL),
    () => fake.unmute(),
    () => fake.refuse({ status: 429, retryAfterSeconds: 1, forMs: 2_000 }),
    () => fake.corrupt(),
    () => fake.notice({ closeAfterMs: 500 + Math.floor(random() * 3_000) }),
    () => fake.slow(Math.floor(random() * 200)),
  ]
  kinds[Math.floor(random() * kinds.length)]?.()
}

function disturbRest(fake: VirtualExchange, random: () => number): void {
  const kinds: (() => unknown)[] = [
    () => fake.failRest({ status: 500, times: 1 + Math.floor(random() * 4) }),
    () => fake.failRest({ status: 429, retryAfterSeconds: 1, times: 2 }),
    () => fake.failRest({ empty: true, times: 2 }),
    () => fake.failRest({ cut: true, forMs: 20_000 }),
    () => fake.failRest({ code: '50001', times: 3 }),
    () => fake.failRest({ status: 503 }),
    () => fake.failRest({ empty: true }),
    () => fake.restDelay(Math.floor(random() * 2_000)),
    () => fake.restDelay(30_000),
  ]
  kinds[Math.floor(random() * kinds.length)]?.()
}

/** Whole milliseconds, as the exchange's times are. */
async function passes(fake: VirtualExchange, promise: Promise<unknown>): Promise<void> {
  const progress = { done: false }
  void promise.finally(() => (progress.done = true))
  for (let passed = 0; !progress.done && passed < 60_000; passed += 50) await fake.clock.advance(50)
  await promise
}

async function run(seed: number, { brokenRest }: { readonly brokenRest: boolean }): Promise<Outcome> {
  const random = seededRandom(seed)
  const fake = createVirtualExchange({
    exchange: 'okx',
    seed,
    instruments: [SYMBOL],
    tradesPerSecond: 4 + random() * 12,
    bookUpdatesPerSecond: 0,
    historyMs: 1_000,
    resendOnSubscribe: Math.floor(random() * 3),
    networkDelayMs: 1 + Math.floor(random() * 40),
  })
  // Short pages are a healthy answer: fewer rows than asked for, and more behind them. (From a slow REST they take their time.)
  if (random() < 0.3 && !brokenRest) fake.failRest({ short: 1 + Math.floor(random() * 7) })
  const useAll = random() < 0.3
  const redundancy = random() < 0.2 ? 2 : 1
  // With a cursor store the whole process may be restarted in the middle: that, too, is only a hole.
  const cursorStore = random() < 0.4 ? createMemoryCursorStore() : undefined
  const log = newTapeLog()
  const collectors: OkxCollector[] = []
  let longestWaitMs = 0
  const begin = (): OkxCollector => {
    const collector = createOkxCollector({
      symbol: SYMBOL,
      dataTypes: ['trade'],
      endpoints: fake.endpoints,
      ports: fake.ports,
      logger: silentLogger,
      redundancy,
      tape: { cursorStore },
      ...(useAll ? { customParams: { tradeChannel: 'trades-all' as const } } : {}),
    })
    collectors.push(collector)
    logTape(collector, log)
    collector.addDataCallback('trade', ({ receivedAt }) => {
      longestWaitMs = Math.max(longestWaitMs, fake.clock.now() - receivedAt)
    })
    void collector.start()
    return collector
  }
  let collector = begin()
  const later = (promise: Promise<unknown>): Promise<void> => passes(fake, promise)
  const changes: (() => unknown)[] = [
    () => collector.rollover(),
    () => void collector.restart(),
    () => later(collector.restart()),
    ...(cursorStore === undefined
      ? []
      : [
          () => later(collector.stop()),
          async () => {
            await later(collector.stop())
            void collector.start()
          },
          async () => {
            await later(collector.stop())
            collector = begin()
          },
        ]),
  ]

  await fake.clock.advance(2_000)
  for (let step = 0; step < 8; step++) {
    if (random() < 0.7) disturb(fake, random)
    if (brokenRest && random() < 0.3) disturbRest(fake, random)
    if (random() < 0.2) await changes[Math.floor(random() * changes.length)]?.()
    await fake.clock.advance(Math.floor(random() * 1_500))
  }
  fake.unmute()
  fake.slow(0)
  fake.accept()
  if (!brokenRest) fake.restDelay(0)
  // One that was stopped, or whose restart failed, goes on.
  if (!['running', 'degraded', 'starting', 'restarting'].includes(collector.status)) void collector.start()
  // Long enough for a half-open connection to be found, replaced, and its hole filled or given up.
  for (let waited = 0; waited < 120_000; waited += 5_000) {
    await fake.clock.advance(5_000)
    const last = log.pieces.at(-1)?.last ?? 0
    if (waited >= 25_000 && last >= Number(fake.trades(SYMBOL).at(-1)?.id) - 40) break
  }
  fake.setTradesPerSecond(SYMBOL, 0)
  await fake.clock.advance(3_000)
  fake.emitTrades(SYMBOL, 1)
  await fake.clock.advance(brokenRest ? 40_000 : 10_000)
  for (const each of collectors) await later(each.stop())
  const problem = problemOf(log, fake, collectors, longestWaitMs)
  await fake.close()
  const leaked = fake.clock.pending === 0 ? undefined : `${fake.clock.pending} timers are left`
  return { log, problem: problem ?? leaked }
}

/** What is wrong with an outcome; undefined when it keeps the promise. */
function problemOf(
  { pieces, gaps, filled, trades }: TapeLog,
  fake: VirtualExchange,
  collectors: readonly OkxCollector[],
  longestWaitMs: number,
): string | undefined {
  const fills = fake.trades(SYMBOL)
  const truth = new Map(fills.map((fill) => [fill.id, fill]))
  for (const { data, timestamp } of trades) {
    const fill = truth.get(data.id)
    if (fill?.price !== data.price || fill.side !== data.side || fill.timestamp !== timestamp) {
      return `trade ${data.id} is not what the exchange made`
    }
  }
  const broken = brokenAgainst(pieces, fills)
  if (broken !== undefined) return broken
  const sum = (what: 'delivered' | 'missing'): number =>
    collectors.reduce((total, collector) => total + collector.getCompleteness()[what], 0)
  const delivered = fillsIn(pieces, 'trade')
  if (sum('delivered') !== delivered) return `completeness says ${sum('delivered')} delivered, there were ${delivered}`
  const missing = fillsIn(pieces, 'gap') - filled.reduce((total, gap) => total + (gap.missing ?? 0), 0)
  if (sum('missing') !== missing) return `completeness says ${sum('missing')} missing, there were ${missing}`
  for (const gap of filled) {
    if (gap.trades?.length !== gap.missing) return `a gap of ${gap.missing} was filled with ${gap.trades?.length}`
    const announced = gaps.filter(({ fromId, toId }) => fromId === gap.fromId && toId === gap.toId)
    if (announced.length !== 1) return `${gap.fromId}..${gap.toId} was announced ${announced.length} times and then filled`
  }
  if (longestWaitMs > LONGEST_WAIT_MS) return `a trade waited for ${longestWaitMs} ms`
  if (fake.connections.length > 0) return `${fake.connections.length} connections are left`
  return undefined
}

test('runs under random faults: delivered and gaps cover every id, in order, once; no gap while REST is healthy', async () => {
  let gaps = 0
  let backfilled = 0
  await eachSeed(SIZES, async (seed) => {
    const brokenRest = seed % 2 === 0
    const { log, problem } = await run(seed, { brokenRest })
    expect(problem).toBeUndefined()
    gaps += log.gaps.length
    backfilled += log.pieces.filter(({ what }) => what === 'backfilled').length
    if (!brokenRest) expect(log.gaps, 'gaps with a healthy REST').toEqual([])
  })
  if (isOneSeed) return
  // The faults did something.
  expect(gaps).toBeGreaterThan(runs(SIZES) * 0.05)
  expect(backfilled).toBeGreaterThan(runs(SIZES))
})
