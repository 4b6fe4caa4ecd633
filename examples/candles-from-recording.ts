/**
 * Candles from recorded frames: NDJSON lines are read, decoded and aggregated one by one, so that the file may be larger than the memory.
 *
 *   npx tsx examples/candles-from-recording.ts                   frames of the fake exchange, ten minutes of its market, made just now
 *   npx tsx examples/candles-from-recording.ts recording.ndjson  lines of {"t": epoch ms, "d": "in", "m": "frame"}, OKX, BTC-USDT
 */
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { aggregateTrades, compareCandles, createDecoder, foldCandles, type OhlcvData, type PointOf } from 'tapekeeper'
import { createVirtualExchange } from 'tapekeeper/testing'

const SYMBOL = 'BTC-USDT'
const folder = await mkdtemp(join(tmpdir(), 'tapekeeper-'))
const file = process.argv[2] ?? (await recordFake(join(folder, 'recording.ndjson')))

async function* tradesOf(path: string): AsyncGenerator<PointOf<'trade'>> {
  const decoder = createDecoder({ exchange: 'okx', onError: ({ message }) => console.log(message) })
  for await (const line of createInterface(createReadStream(path))) {
    const { t, d, m } = JSON.parse(line) as { t?: number; d?: string; m?: string }
    if (d !== 'in' || m === undefined) continue
    for (const point of decoder.decode(m, t)) if (point.dataType === 'trade' && point.symbol === SYMBOL) yield point
  }
}

const options = { exchange: 'okx', symbol: SYMBOL, timeframes: ['1s', '1m', '5m'], completeSeries: true } as const
const candles: OhlcvData[] = []
for await (const candle of aggregateTrades(tradesOf(file), options)) {
  candles.push(candle)
  if (candle.timeframe === '1s') continue
  const { timeframe, openTime, open, high, low, close, volume, tradesCount } = candle
  const prices = [open, high, low, close].map(String).join(' ')
  console.log(
    `${new Date(openTime).toISOString().slice(11, 19)} ${timeframe} ${prices}  ${volume.toString()} in ${tradesCount} trades`,
  )
}

// Higher timeframes were folded from lower ones while the trades went by; folded once more, all at once, they are the same.
const of = (timeframe: string): OhlcvData[] => candles.filter((candle) => candle.timeframe === timeframe)
const minutes = foldCandles(of('1s'), '1m')
const differences = of('1m').flatMap((candle, i) => compareCandles(candle, minutes[i] ?? candle))
console.log(`${of('1s').length} seconds folded to ${minutes.length} minutes: ${differences.length} differences`)
await rm(folder, { recursive: true })

/** What a socket hears in ten minutes of virtual time. */
async function recordFake(path: string): Promise<string> {
  await using fake = createVirtualExchange({ seed: 1, tradesPerSecond: 5 })
  const lines: string[] = []
  const socket = fake.ports.socket(fake.endpoints.public, {
    onOpen: () => socket.send(JSON.stringify({ op: 'subscribe', args: [{ channel: 'trades', instId: SYMBOL }] })),
    onText: (text) => lines.push(JSON.stringify({ t: fake.clock.now(), d: 'in', m: text })),
    onBinary: () => undefined,
    onClose: () => undefined,
  })
  await fake.clock.advance(10 * 60_000)
  await writeFile(path, lines.map((line) => `${line}\n`).join(''))
  return path
}
