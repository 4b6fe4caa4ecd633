/**
 * Best bid and offer of one pair over two exchanges, with the venue. In the middle one of them is cut off: its quote is not shown for
 * one moment longer, and is back when it quotes again.
 *
 *   npx tsx examples/consolidated-quotes.ts           against two fake exchanges: needs no internet
 *   npx tsx examples/consolidated-quotes.ts --live    against OKX and its demo market, which are not cut
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ConsolidatedView, DataType, defineExchange, ExchangeFactory, registerExchange, type ConsolidatedQuote } from 'tapekeeper'
import { okx } from 'tapekeeper/okx'
import { startFakeExchange } from 'tapekeeper/testing'

const SYMBOL = 'BTC-USDT'
const isLive = process.argv.includes('--live')
const [east, west] = isLive
  ? []
  : await Promise.all(
      ['east', 'west'].map((seed) => startFakeExchange({ seed, instruments: [SYMBOL], bookUpdatesPerSecond: 10 })),
    )

// Two exchanges that speak OKX's protocol. One of your own is registered in the same way.
const demo = { ...okx.endpoints, public: 'wss://wspap.okx.com/ws/v5/public', business: 'wss://wspap.okx.com/ws/v5/business' }
registerExchange(defineExchange({ ...okx, id: 'east', name: 'East', endpoints: east?.endpoints ?? okx.endpoints }))
registerExchange(defineExchange({ ...okx, id: 'west', name: 'West', endpoints: west?.endpoints ?? demo }))

const collectors = ExchangeFactory.createMultipleCollectors(
  ['east', 'west'].map((exchange) => ({ exchange, symbol: SYMBOL, dataTypes: [DataType.OrderBook, DataType.Trade] })),
)

// The view listens to the collectors and owns none of them. At the same price the venue named first is the best.
const view = new ConsolidatedView({ symbol: SYMBOL, venues: collectors, staleAfterMs: 10_000 })
const trades = new Map<string, number>()
let changes = 0
view.on('quote', () => changes++)
view.on('trade', ({ venue }) => trades.set(venue, (trades.get(venue) ?? 0) + 1))
view.on('venue', ({ venue, state, detail }) => console.log(`${venue} ${state}, ${detail}; ${describe(view.quote)}`))

const started = await Promise.all(collectors.map((collector) => collector.start()))
if (started.includes(false)) throw new Error('not started')

for (let i = 0; i < 8; i++) {
  await sleep(400)
  console.log(describe(view.quote))
  if (i === 3) {
    east?.refuse({ status: 503, forMs: 500 })
    east?.drop()
  }
}
console.log(`result: ${changes} changes, trades ${[...trades].map(([venue, count]) => `${venue} ${count}`).join(', ')}`)

view.close()
await Promise.all(collectors.map((collector) => collector.stop()))
await Promise.all([east?.close(), west?.close()])

function describe({ bid, ask, spread, isCrossed }: ConsolidatedQuote): string {
  const [best, offer] = [bid, ask].map((side) => (side === undefined ? '-' : `${side.price} at ${side.venue}`))
  return `bid ${best}, ask ${offer}, spread ${spread?.toString() ?? '-'}${isCrossed ? ' (crossed)' : ''}`
}
