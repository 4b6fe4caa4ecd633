import type * as Library from 'tapekeeper'
import type * as Testing from 'tapekeeper/testing'

/** What a build made of one seeded run. Texts, so that two builds can be compared. */
export interface Outcome {
  /** Every fill that was delivered or found later: `id price size side`, in the order in which they came. */
  readonly trades: readonly string[]
  /** Gaps that were told, and whether their trades were found. */
  readonly gaps: readonly string[]
  /** What was said last of each closed candle. */
  readonly candles: readonly string[]
  /** Fills of the exchange that are in neither. Nothing explains any. */
  readonly lost: readonly string[]
  /** Delivered more than once. */
  readonly twice: readonly string[]
}

const SYMBOL = 'BTC-USDT'
const STEP_MS = 250
const STEPS = 200
/** For repairs to end: a hole is given up after 15 to 20 s, and looked for again 5 to 15 s later. */
const REST_MS = 60_000

/** One collector through 50 s of trades and faults, all drawn from the seed, and a minute in which everything heals. */
export async function playRun(library: typeof Library, testing: typeof Testing, seed: number): Promise<Outcome> {
  const random = testing.seededRandom(`compare ${seed}`)
  const chance = (probability: number): boolean => random() < probability
  const below = (limit: number): number => Math.floor(random() * limit)
  await using fake = testing.createVirtualExchange({
    seed,
    instruments: [SYMBOL],
    // What is traded comes from the script alone, so that it is the same whatever a build does.
    tradesPerSecond: 0,
    bookUpdatesPerSecond: 0,
    historyMs: 10_000,
  })
  const { clock } = fake
  const collector = library.createOkxCollector({
    symbol: SYMBOL,
    dataTypes: ['trade', 'candle'],
    candles: { timeframes: ['5s', '1m'] },
    endpoints: fake.endpoints,
    ports: { ...fake.ports, random: testing.seededRandom(`ports ${seed}`) },
    logger: library.silentLogger,
  })
  const trades: string[] = []
  const told = new Map<string, string>()
  const open = new Set<string>()
  const candles = new Map<string, string>()
  const keep = ({ data }: Library.PointOf<'trade'>): void => {
    for (let i = (data.count ?? 1) - 1; i >= 0; i--) trades.push(`${BigInt(data.id) - BigInt(i)}`)
  }
  collector.addDataCallback('trade', keep)
  collector.addDataCallback('candle', ({ data }) => {
    if (data.status === 'open') return
    const { timeframe, openTime, open: first, high, low, close, volume, tradesCount, complete } = data
    const figures = [first, high, low, close, volume].map((figure) => figure.toFixed())
    candles.set(`${timeframe} ${openTime}`, `${figures.join(' ')} ${tradesCount} ${complete ? 'complete' : 'incomplete'}`)
  })
  collector.on('gap', ({ fromId, toId, reason, filled, trades: found }) => {
    const key = `${fromId}-${toId}`
    told.set(key, `${key} ${reason} ${filled ? 'found' : 'open'}`)
    if (filled) open.delete(key)
    else open.add(key)
    found?.forEach(keep)
  })

  await inTime(clock, collector.start())
  // The tape begins with the first trade that it sees.
  fake.trade(SYMBOL)
  await clock.advance(STEP_MS)
  const first = BigInt(trades[0] ?? '0')
  const faults: readonly (() => unknown)[] = [
    () => fake.drop(),
    () => fake.halfOpen(),
    () => fake.refuse({ forMs: 500 + below(6_000), status: chance(0.5) ? 503 : 429 }),
    () => fake.skip(SYMBOL, 1 + below(4)),
    () => fake.resend(SYMBOL, 1 + below(5)),
    () => fake.reorder(SYMBOL),
    () => fake.corrupt(),
    () => fake.failRest({ status: 503, forMs: 5_000 + below(40_000) }),
    () => fake.failRest({ empty: true, forMs: 1_000 + below(10_000) }),
    () => fake.failRest({ short: 1 + below(3), forMs: 5_000 }),
    () => fake.mute(SYMBOL, { until: 'resubscribed' }),
    () => fake.notice({ closeAfterMs: 1_000 + below(5_000) }),
    () => fake.closeAfterAck({ forMs: 1_000 + below(3_000) }),
    () => collector.restart(),
  ]
  for (let step = 0; step < STEPS; step++) {
    for (let orders = chance(0.6) ? 1 + below(3) : 0; orders > 0; orders--) {
      fake.trade(SYMBOL, {
        side: chance(0.5) ? 'buy' : 'sell',
        price: `${60_000 + below(500)}.5`,
        size: `0.${1 + below(9_999)}`,
        count: 1 + below(3),
      })
    }
    if (chance(0.06)) void faults[below(faults.length)]?.()
    await clock.advance(STEP_MS)
  }
  fake.heal()
  await clock.advance(REST_MS)
  fake.trade(SYMBOL)
  await clock.advance(REST_MS)
  await inTime(clock, collector.stop())

  const seen = new Set(trades)
  const ranges = [...open].map((key) => key.split('-').map(BigInt))
  const isInGap = (id: bigint): boolean => ranges.some(([from = 0n, to = -1n]) => id >= from && id <= to)
  const fills = fake.trades(SYMBOL).filter(({ id }) => BigInt(id) >= first)
  return {
    trades,
    gaps: [...told.values()].sort(),
    candles: [...candles].map(([bucket, figures]) => `${bucket}: ${figures}`).sort(),
    lost: fills.filter(({ id }) => !seen.has(id) && !isInGap(BigInt(id))).map(({ id }) => id),
    twice: trades.filter((id, i) => trades.indexOf(id) !== i),
  }
}

async function inTime(clock: Testing.VirtualClock, promise: Promise<unknown>): Promise<void> {
  const ended: unknown[] = []
  void promise.finally(() => ended.push(promise))
  while (ended.length === 0) await clock.advance(50)
}
