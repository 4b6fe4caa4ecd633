/** What a user's web page would do. Bundled for the browser with the built package by browser.test.ts. */
import { DataType, ExchangeFactory, type PointOf } from 'tapekeeper'

/** Collects until `count` trades have arrived, then stops. Everything returned can be serialised. */
async function collectTrades(endpoints: Readonly<Record<string, string>>, count: number) {
  const collector = ExchangeFactory.createCollector({
    exchange: 'okx',
    symbol: 'BTC-USDT',
    dataTypes: [DataType.Trade],
    endpoints,
  })
  const points: PointOf<'trade'>[] = []
  const enough = new Promise<void>((resolve) => {
    collector.addDataCallback(DataType.Trade, (point) => {
      points.push(point)
      if (points.length === count) resolve()
    })
  })
  await collector.start()
  await enough
  await collector.stop()
  const atStop = points.length
  await new Promise((resolve) => setTimeout(resolve, 500))
  return { points, afterStop: points.length - atStop, status: collector.getStatus().status }
}

export type CollectTrades = typeof collectTrades
Object.assign(globalThis, { collectTrades })
