import { expect, test } from 'vitest'
import { createOkxCollector, silentLogger, type Gap, type PointOf, type TapekeeperError } from 'tapekeeper'
import { createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'

// The promise, checked against the fake exchange: what is delivered and what is declared missing cover every id, in order, once.

const RUNS = Number(process.env['RUNS'] ?? 2_000)
const SYMBOL = 'BTC-USDT'

type Piece = { readonly kind: 'trade' | 'gap'; readonly first: number; readonly last: number; readonly what: string }

const pieceOfTrade = ({ data }: PointOf<'trade'>): Piece => {
  const last = Number(data.id)
  return { kind: 'trade', first: last - (data.count ?? 1) + 1, last, what: data.backfilled ? 'backfilled' : 'live' }
}
const pieceOfGap = ({ fromId, toId, reason }: Gap): Piece => ({
  kind: 'gap',
  first: Number(fromId),
  last: Number(toId),
  what: reason,
})

interface Outcome {
  readonly pieces: readonly Piece[]
  readonly errors: readonly TapekeeperError[]
  readonly lastId: number
  readonly delivered: readonly PointOf<'trade'>[]
  readonly counts: { readonly delivered: number; readonly missing: number }
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
    () => fake.restDelay(Math.floor(random() * 2_000)),
  ]
  kinds[Math.floor(random() * kinds.length)]?.()
}

async function run(seed: number, options: { readonly brokenRest: boolean }): Promise<Outcome> {
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
  // Short pages are a healthy answer: fewer rows than asked for, and more behind them.
  if (random() < 0.3) fake.failRest({ short: 1 + Math.floor(random() * 7) })
  const useAll = random() < 0.3
  const collector = createOkxCollector({
    symbol: SYMBOL,
    dataTypes: ['trade'],
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    redundancy: random() < 0.2 ? 2 : 1,
    ...(useAll ? { customParams: { tradeChannel: 'trades-all' as const } } : {}),
  })
  const pieces: Piece[] = []
  const delivered: PointOf<'trade'>[] = []
  const errors: TapekeeperError[] = []
  collector.addDataCallback('trade', (point) => {
    pieces.push(pieceOfTrade(point))
    delivered.push(point)
  })
  collector.on('gap', (gap) => {
    if (!gap.filled) pieces.push(pieceOfGap(gap))
  })
  collector.on('error', (error) => errors.push(error))

  void collector.start()
  await fake.clock.advance(2_000)
  for (let step = 0; step < 8; step++) {
    if (random() < 0.7) disturb(fake, random)
    if (options.brokenRest && random() < 0.3) disturbRest(fake, random)
    await fake.clock.advance(Math.floor(random() * 1_500))
  }
  fake.unmute()
  fake.slow(0)
  fake.accept()
  if (!options.brokenRest) fake.restDelay(0)
  // Long enough for a half-open connection to be found, replaced, and its hole filled or given up.
  for (let waited = 0; waited < 120_000; waited += 5_000) {
    await fake.clock.advance(5_000)
    const last = pieces.at(-1)?.last ?? 0
    const truth = fake.trades(SYMBOL)
    if (waited >= 25_000 && last >= Number(truth.at(-1)?.id) - 40) break
  }
  fake.setTradesPerSecond(SYMBOL, 0)
  await fake.clock.advance(3_000)
  fake.emitTrades(SYMBOL, 1)
  await fake.clock.advance(options.brokenRest ? 40_000 : 10_000)
  const stopped = collector.stop()
  await fake.clock.advance(6_000)
  await stopped
  const lastId = Number(fake.trades(SYMBOL).at(-1)?.id)
  const truth = new Map(fake.trades(SYMBOL).map((fill) => [fill.id, fill]))
  for (const { data, timestamp } of delivered) {
    const fill = truth.get(data.id)
    if (fill === undefined || fill.price !== data.price || fill.side !== data.side || fill.timestamp !== timestamp) {
      throw new Error(`seed ${seed}: trade ${data.id} is not what the exchange made`)
    }
  }
  const { delivered: count, missing } = collector.getCompleteness()
  await fake.close()
  return { pieces, errors, lastId, delivered, counts: { delivered: count, missing } }
}

/** What is wrong with an outcome; undefined when it keeps the promise. */
function broken({ pieces, lastId, counts }: Outcome): string | undefined {
  let next = pieces[0]?.first ?? NaN
  let delivered = 0
  for (const { kind, first, last, what } of pieces) {
    if (first !== next) return `${kind} ${first}..${last} (${what}) follows ${next - 1}`
    if (last < first) return `${kind} ${first}..${last} is empty`
    if (kind === 'trade') delivered += last - first + 1
    next = last + 1
  }
  if (next !== lastId + 1) return `ends at ${next - 1}, the exchange at ${lastId}`
  if (counts.delivered !== delivered) return `completeness says ${counts.delivered} delivered, there were ${delivered}`
  return undefined
}

test(`${RUNS} runs under random faults: delivered and gaps cover every id, in order, once; no gap while REST is healthy`, async () => {
  const failures: string[] = []
  let gaps = 0
  let backfilled = 0
  for (let seed = 1; seed <= RUNS && failures.length < 5; seed++) {
    const brokenRest = seed % 2 === 0
    const outcome = await run(seed, { brokenRest })
    const problem = broken(outcome)
    if (problem !== undefined) failures.push(`seed ${seed}: ${problem}`)
    const declared = outcome.pieces.filter(({ kind }) => kind === 'gap')
    gaps += declared.length
    backfilled += outcome.pieces.filter(({ what }) => what === 'backfilled').length
    if (!brokenRest && declared.length > 0) failures.push(`seed ${seed}: gaps with a healthy REST: ${JSON.stringify(declared)}`)
  }
  expect(failures).toEqual([])
  // The faults did something.
  expect(gaps).toBeGreaterThan(RUNS * 0.05)
  expect(backfilled).toBeGreaterThan(RUNS)
}, 600_000)
