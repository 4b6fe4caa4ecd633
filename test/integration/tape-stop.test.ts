import { expect, test } from 'vitest'
import { createOkxCollector, silentLogger } from 'tapekeeper'
import { createVirtualExchange } from 'tapekeeper/testing'
import { brokenAgainst, logTape } from '../core/tape/tape-log.ts'
import { inVirtualTime } from '../support/virtual-time.ts'
const SYMBOL = 'BTC-USDT'
test('stop after a failed restart in the middle of a repair', async () => {
  const fake = createVirtualExchange({ seed: 3, instruments: [SYMBOL], tradesPerSecond: 0, bookUpdatesPerSecond: 0 })
  const collector = createOkxCollector({
    symbol: SYMBOL,
    dataTypes: ['trade'],
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    autoRestart: false,
  })
  const log = logTape(collector)
  const later = (promise: Promise<unknown>): Promise<unknown> => inVirtualTime(fake.clock, promise)
  await later(collector.start())
  fake.trade(SYMBOL)
  fake.failRest({ path: 'history' })
  fake.skip(SYMBOL, 1)
  fake.trade(SYMBOL)
  fake.trade(SYMBOL)
  await fake.clock.advance(2000)
  fake.rejectSubscriptions('60018')
  await later(collector.restart())
  await fake.clock.advance(60_000)
  await later(collector.stop())
  expect(brokenAgainst(log.pieces, fake.trades(SYMBOL))).toBeUndefined()
  await fake.close()
})
