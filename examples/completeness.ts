/**
 * Is the tape complete? Printed every second while things go wrong: messages are lost while REST is down, the connection is cut,
 * and messages are lost on a connection that looks healthy.
 *
 *   npx tsx examples/completeness.ts                 against the fake exchange: needs no internet; 15 to 20 s
 *   npx tsx examples/completeness.ts --seconds 6     shorter; but what REST could not give is looked for 5 to 15 s later
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createOkxCollector, DataType, silentLogger, type Gap, type PointOf } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'
import { table } from './support/screen.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '15' } } })
const durationMs = Number(values.seconds) * 1_000
if (!(durationMs >= 4_000)) throw new RangeError('--seconds must be a number, 4 or more')
/** REST is asked again for a declared gap this long after it at the latest, at first. Milliseconds. */
const LATE_MS = 17_000

const SYMBOL = 'BTC-USDT'
const fake = await startFakeExchange({ seed: 1, tradesPerSecond: { [SYMBOL]: 20 } })
const collector = createOkxCollector({
  symbol: SYMBOL,
  dataTypes: [DataType.Trade],
  endpoints: fake.endpoints,
  // Impatient, so that this example is short. Default: a hole that cannot be filled becomes a gap after 15 s.
  tape: { repairTimeoutMs: 1_000 },
  // What it would warn of is told below.
  logger: silentLogger,
})

const startedAt = Date.now()
const news = (line: string): void => console.log(`${((Date.now() - startedAt) / 1_000).toFixed(1).padStart(4)} s  ${line}`)

/** Every fill that was heard of, by callback or in a gap that was filled. A row may stand for several; its id is the last one's. */
const heard: number[] = []
function hear({ data }: PointOf<'trade'>): void {
  const last = Number(data.id)
  for (let id = last - (data.count ?? 1) + 1; id <= last; id++) heard.push(id)
}

collector.addDataCallback(DataType.Trade, hear)
collector.on('status', ({ from, to }) => news(`${from} -> ${to}`))
// The second promise of the tape: what is not delivered is named, and named again when it was found after all.
const gapEvents = new EventTarget()
collector.on('gap', (gap) => {
  news(`GAP ${describe(gap)}`)
  for (const trade of gap.trades ?? []) hear(trade)
  gapEvents.dispatchEvent(new Event(gap.filled ? 'filled' : 'declared'))
})

if (!(await collector.start())) throw new Error('not started', { cause: collector.lastError })
const report = setInterval(() => {
  const { delivered, backfilled, duplicates, missing } = collector.getCompleteness()
  news(`  ${delivered} delivered, ${backfilled} of them over REST; ${duplicates} duplicates; ${missing} missing`)
}, 1_000)

await sleep(durationMs * 0.1)
const signal = AbortSignal.timeout(LATE_MS + durationMs)
const declared = once(gapEvents, 'declared', { signal })
const filled = once(gapEvents, 'filled', { signal })
news('REST stops answering, and then two messages are lost')
fake.failRest({ path: 'history-trades', status: 503 })
fake.skip({ symbol: SYMBOL, channel: 'trades' }, 2)
await declared
news('REST answers again')
fake.healRest()

await sleep(durationMs * 0.2)
news('the connection is cut without a goodbye, and ten trades are made before it is back')
fake.drop()
fake.emitTrades(SYMBOL, 10)

await sleep(durationMs * 0.3)
news('three messages are lost on a connection that looks healthy')
fake.skip({ symbol: SYMBOL, channel: 'trades' }, 3)

await Promise.all([filled, sleep(Math.max(2_000, startedAt + durationMs - Date.now()))])
clearInterval(report)
await collector.stop()

console.log()
const { streams } = collector.getCompleteness()
for (const { stream, hours } of streams) {
  console.log(`${stream}, by hour`)
  const head = ['hour', 'delivered', 'over REST', 'duplicates', 'missing']
  const rows = hours.map(({ hour, delivered, backfilled, duplicates, missing }) => [
    new Date(hour).toISOString().slice(0, 13),
    ...[delivered, backfilled, duplicates, missing].map(String),
  ])
  for (const line of table(head, rows)) console.log(line)
}

// The fake exchange knows the truth: from the first fill we heard of to the last, is each there, and none twice?
const [first, last] = [Math.min(...heard), Math.max(...heard)]
const made = fake.trades(SYMBOL).filter(({ id }) => Number(id) >= first && Number(id) <= last).length
const isComplete = made > 0 && made === heard.length && made === new Set(heard).size
console.log(`result: ${heard.length} of ${made} fills are accounted for, ${isComplete ? 'each once' : 'NOT each once'}`)
process.exitCode = isComplete ? 0 : 1
await fake.close()

function describe({ fromId, toId, missing, reason, filled, trades }: Gap): string {
  const what = `${missing ?? 'unknown number of'} fills, ${fromId ?? '?'} to ${toId ?? '?'}`
  return filled ? `filled after all: ${what}, here they are: ${trades?.length ?? 0}` : `declared: ${what} (${reason})`
}
