/**
 * A repository of your own: trades, candles and cursors in plain files (support/file-repository.ts, which passes the same contract suite
 * as the library's repositories). Trades are written in batches, some of them twice, as after a reconnect; candles are made of them; the
 * files are opened again and queried.
 *
 *   npx tsx examples/custom-repository.ts              into a directory of its own, removed at the end
 *   npx tsx examples/custom-repository.ts ./my-data    into yours; run it twice: the second time everything is there already
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { aggregateTrades, decimalString, type OhlcvData, type PointOf } from 'tapekeeper'
import { FileRepository } from './support/file-repository.ts'

const MARKET = { exchange: 'acme', symbol: 'BTC-USDT' }
const START = Date.UTC(2026, 10, 22)

/** Ten minutes of made-up trades, one a second. */
const trades = Array.from({ length: 600 }, (_, second): PointOf<'trade'> => {
  const timestamp = START + second * 1_000
  const price = decimalString(`${64_210 + (second % 60)}.500000000000000001`)
  const data = { id: String(second + 1), price, size: decimalString('0.010'), side: 'buy', backfilled: false } as const
  return { ...MARKET, dataType: 'trade', timestamp, receivedAt: timestamp + 40, data }
})

const temporary = process.argv[2] === undefined ? await mkdtemp(join(tmpdir(), 'tapekeeper-')) : undefined
const directory = temporary ?? resolve(process.argv[2] ?? '')

const writer = new FileRepository(directory)
for (const [from, to] of [
  [0, 250],
  [200, 450],
  [450, 600],
]) {
  const { inserted, kept } = await writer.saveTrades(trades.slice(from, to))
  console.log(`trades ${from} to ${to}: ${inserted} inserted, ${kept} were there`)
}
const candles: OhlcvData[] = []
for await (const candle of aggregateTrades(trades, { ...MARKET, timeframes: ['1m'] })) candles.push(candle)
console.log('candles:', await writer.saveCandles(candles))
await writer.cursor('acme trades BTC-USDT').save({ id: '600', timestamp: START + 599_000 })
await writer.close()

// As another process would.
const reader = new FileRepository(directory)
const minute = { ...MARKET, from: START + 60_000, to: START + 120_000 }
for await (const { timestamp, data } of reader.trades({ ...minute, limit: 3 }))
  console.log(`${new Date(timestamp).toISOString()} ${data.side} ${data.size} at ${data.price}`)
for await (const { openTime, close, volume } of reader.candles({ ...MARKET, timeframe: '1m', order: 'desc', limit: 2 }))
  console.log(`${new Date(openTime).toISOString()} 1m closed at ${close.toFixed()}, volume ${volume.toFixed()}`)
const { rows, bytes } = await reader.statistics()
const cursor = await reader.cursor('acme trades BTC-USDT').load()
console.log(
  `result: ${rows.trades} trades and ${rows.candles} candles in ${bytes} bytes, the tape goes on after trade ${cursor?.id}`,
)
await reader.close()
if (temporary !== undefined) await rm(temporary, { recursive: true })
