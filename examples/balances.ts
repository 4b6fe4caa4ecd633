/**
 * Balances of an account: the collector logs in on the private endpoint and reports every asset, at once and on each change.
 *
 *   npx tsx examples/balances.ts           against the fake exchange and its test credentials
 *   npx tsx examples/balances.ts --live    against the real OKX; a read-only key in OKX_API_KEY, OKX_SECRET, OKX_PASSPHRASE
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createOkxCollector, DataType } from 'tapekeeper'
import { DEFAULT_CREDENTIALS, startFakeExchange } from 'tapekeeper/testing'

const fake = process.argv.includes('--live') ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })
const { OKX_API_KEY = '', OKX_SECRET = '', OKX_PASSPHRASE = '' } = process.env
const ownCredentials = { apiKey: OKX_API_KEY, secret: OKX_SECRET, passphrase: OKX_PASSPHRASE }

const collector = createOkxCollector({
  symbol: 'BTC-USDT',
  dataTypes: [DataType.Balance],
  // Credentials never reach a log, an error or a status.
  credentials: fake === undefined ? ownCredentials : DEFAULT_CREDENTIALS,
  endpoints: fake?.endpoints,
})
// A balance belongs to the account, not to a pair: `symbol` is the asset. What the account mode does not show is undefined.
collector.addDataCallback(DataType.Balance, ({ symbol, data }) => {
  console.log(`${symbol}: ${data.total ?? '?'} in all, ${data.free ?? '?'} free, ${data.locked ?? '?'} locked`)
})

if (await collector.start()) {
  await sleep(500)
  fake?.setBalance('BTC', { available: '0.75', frozen: '0.1' })
  await sleep(1_000)
} else {
  // A refused login is not repeated: that could lock the key.
  console.error(`no balances: ${collector.lastError?.code ?? ''} ${collector.lastError?.message ?? ''}`)
  process.exitCode = 1
}
await collector.stop()
await fake?.close()
