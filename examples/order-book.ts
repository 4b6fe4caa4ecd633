/**
 * The order book of one pair, 400 levels a side, kept up to date in place. In the middle an update is lost: the book says that it is
 * invalid, is synchronised again by itself, and says that it is valid.
 *
 *   npx tsx examples/order-book.ts           against the fake exchange: needs no internet
 *   npx tsx examples/order-book.ts --live    against the real OKX, where nothing is lost on purpose
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createOkxCollector, DataType, type LocalBook } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'

const SYMBOL = 'BTC-USDT'
const fake = process.argv.includes('--live') ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })

const collector = createOkxCollector({
  symbol: SYMBOL,
  dataTypes: [DataType.OrderBook],
  orderBook: { depth: 400 },
  endpoints: fake?.endpoints,
})
// Whoever keeps a copy of their own begins it with a snapshot, amends it by updates, and drops it on `invalid`.
const points = { snapshot: 0, update: 0 }
collector.addDataCallback(DataType.OrderBook, ({ data }) => points[data.kind]++)
collector.on('book', ({ state, reason }) => console.log(`the book is ${state}: ${reason}`))

if (!(await collector.start())) throw new Error('not started', { cause: collector.lastError })

for (let i = 0; i < 10; i++) {
  await sleep(400)
  // `collector.book` is the book as it is now; there is another one after each start.
  if (collector.book !== undefined) console.log(describe(collector.book))
  if (i === 4) fake?.skip({ symbol: SYMBOL, channel: 'books' })
}
console.log(`delivered: ${points.snapshot} snapshots, ${points.update} updates`)

if (fake !== undefined) {
  // Both are looked at in the same instant; what the exchange has just sent is still under way.
  while (collector.book?.sequence !== fake.book(SYMBOL).sequence) await sleep(5)
  const truth = fake.book(SYMBOL)
  const differences = (['bids', 'asks'] as const).flatMap((side) => {
    const ours = [...(collector.book?.levels(side) ?? [])]
    return truth[side].filter(([price, size], i) => ours[i]?.[0] !== price || ours[i][1] !== size)
  })
  const levels = truth.bids.length + truth.asks.length
  console.log(`compared with the exchange's own book: ${levels} levels, ${differences.length} differences`)
  if (differences.length > 0) process.exitCode = 1
}

await collector.stop()
await fake?.close()

function describe(book: LocalBook): string {
  // Until it is valid again, a book shows its last known state: nothing to trade on.
  if (!book.isValid) return '(invalid)'
  const [bid = '-', bidSize = '-'] = book.bestBid ?? []
  const [ask = '-', askSize = '-'] = book.bestAsk ?? []
  const prices = `${bidSize} at ${bid} | ${ask} for ${askSize}`
  const middles = `mid ${book.mid()?.toString() ?? '-'}, microprice ${book.microprice()?.toFixed(3) ?? '-'}`
  return `${prices}, ${middles}, best ten bids ${book.cumulativeSize('bids', 10).toString()}`
}
