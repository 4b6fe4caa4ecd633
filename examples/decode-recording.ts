/**
 * Frames that came from elsewhere, a recording or a socket of your own, as typed market data. No connection is made.
 *
 *   npx tsx examples/decode-recording.ts                   frames recorded from the fake exchange just now
 *   npx tsx examples/decode-recording.ts recording.ndjson  lines of {"t": epoch ms, "d": "in", "m": "frame"}
 */
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDecoder, createOkxCollector, DataType, type MarketDataPoint } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'

const folder = await mkdtemp(join(tmpdir(), 'tapekeeper-'))
const file = process.argv[2] ?? (await recordFake(join(folder, 'recording.ndjson')))

const counts = new Map<string, number>()
const note = ({ dataType, symbol }: MarketDataPoint): void => {
  const kind = `${symbol} ${dataType}`
  counts.set(kind, (counts.get(kind) ?? 0) + 1)
}

// What cannot be read is reported and counted; `decode` itself never throws.
const decoder = createDecoder({ exchange: 'okx', onError: (error) => console.log(`${error.code}: ${error.message}`) })
let frames = 0
for await (const line of createInterface(createReadStream(file))) {
  const { t, d, m } = JSON.parse(line) as { t?: number; d?: string; m?: string }
  if (d !== 'in' || m === undefined) continue
  frames++
  // Acknowledgements and pongs decode to nothing, a frame of three trades to three points.
  for (const point of decoder.decode(m, t)) note(point)
}

console.log(`${frames} frames, ${decoder.errors} unreadable`)
for (const [kind, count] of [...counts].sort()) console.log(`${kind}: ${count}`)
await rm(folder, { recursive: true })

/** A recording made with `storeRawData`: every frame as it came, beside the decoded data. */
async function recordFake(path: string): Promise<string> {
  await using fake = await startFakeExchange({ exchange: 'okx', seed: 1 })
  await using collector = createOkxCollector({
    symbol: 'BTC-USDT',
    dataTypes: [DataType.Trade, DataType.Ticker, DataType.OrderBook],
    endpoints: fake.endpoints,
    storeRawData: true,
  })
  const lines: string[] = []
  collector.on('raw', ({ receivedAt, text }) => lines.push(JSON.stringify({ t: receivedAt, d: 'in', m: text })))
  await collector.start()
  await sleep(2_000)
  // One damaged line, to show what becomes of it.
  lines.push(JSON.stringify({ t: Date.now(), d: 'in', m: '{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"px":' }))
  await writeFile(path, lines.map((line) => `${line}\n`).join(''))
  return path
}
