/**
 * A user's program. The package test copies it into an empty project as ESM and as CJS, compiles it strictly against the installed
 * package and runs it; here in the repository it is also checked against the sources.
 */
import { DataType, ExchangeFactory, decimal, type DecimalString, type PointOf } from 'tapekeeper'
import { OkxCollector } from 'tapekeeper/okx'
import { startFakeExchange } from 'tapekeeper/testing'

async function main(): Promise<void> {
  const fake = await startFakeExchange({ exchange: 'okx', seed: 1 })
  const collector = ExchangeFactory.createCollector({
    exchange: 'okx',
    symbol: 'BTC-USDT',
    dataTypes: [DataType.Trade],
    endpoints: fake.endpoints,
  })
  const point = await new Promise<PointOf<'trade'>>((resolve, reject) => {
    collector.addDataCallback(DataType.Trade, (first) => resolve(first))
    collector.start().catch(reject)
  })
  await collector.stop()
  await fake.close()

  const price: DecimalString = point.data.price
  const isOkx = collector instanceof OkxCollector
  console.log(JSON.stringify({ symbol: point.symbol, price, doubled: decimal(price).times(2).toString(), isOkx }))
}

void main()
