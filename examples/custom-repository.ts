/**
 * A repository of your own: trades, candles and the tape's cursor in plain files (support/file-repository.ts, which passes the same
 * contract suite as the library's repositories). A collector keeps what it collects in them, is stopped, and trading goes on; the next
 * collector finds the cursor in the files, reads over REST what was traded meanwhile, and the files have no hole.
 *
 *   npx tsx examples/custom-repository.ts    against the fake exchange: needs no internet
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createOkxCollector, DataType } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'
import { FileRepository } from './support/file-repository.ts'

const MARKET = { exchange: 'okx', symbol: 'BTC-USDT' }
const directory = await mkdtemp(join(tmpdir(), 'tapekeeper-'))
const fake = await startFakeExchange({ exchange: 'okx', seed: 1 })

/** As a process of its own would. */
async function collect(milliseconds: number): Promise<void> {
  const repository = new FileRepository(directory)
  const collector = createOkxCollector({
    symbol: MARKET.symbol,
    dataTypes: [DataType.Trade, DataType.Candle],
    candles: { timeframes: ['1s'] },
    customParams: { tradeChannel: 'trades-all' },
    repositories: { marketData: repository, rawTrades: repository },
    endpoints: fake.endpoints,
  })
  if (!(await collector.start())) console.error(`not started: ${collector.lastError?.message ?? ''}`)
  await sleep(milliseconds)
  // Whatever waits is written before this resolves. The repository is ours, and so is closing it.
  await collector.stop()
  const { rows, bytes } = await repository.statistics()
  console.log(`stopped with ${rows.trades} trades and ${rows.candles} candles in ${bytes} bytes`)
  await repository.close()
}

await collect(2_500)
await sleep(2_000)
await collect(2_500)
await fake.close()

const repository = new FileRepository(directory)
for await (const { openTime, close, volume } of repository.candles({ ...MARKET, timeframe: '1s', order: 'desc', limit: 2 }))
  console.log(`${new Date(openTime).toISOString()} 1s closed at ${close.toFixed()}, volume ${volume.toFixed()}`)
let [stored, backfilled, missing, last] = [0, 0, 0, 0]
for await (const { data } of repository.trades(MARKET)) {
  const id = Number(data.id)
  if (last > 0) missing += id - last - 1
  if (data.backfilled) backfilled++
  last = id
  stored++
}
console.log(`result: ${stored} trades in the files, ${backfilled} of them read afterwards, ${missing} missing`)
await repository.close()
await rm(directory, { recursive: true })
