import { test } from 'vitest'
import WebSocket from 'ws'
import { startFakeExchange, createVirtualExchange } from 'tapekeeper/testing'

test('smoke', async () => {
  const fake = await startFakeExchange({ pairs: 200 })
  const ws = new WebSocket(fake.endpoints.public)
  const seen: string[] = []
  ws.on('message', (d: Buffer) => seen.push(d.toString()))
  await new Promise((r) => ws.on('open', r))
  ws.send(JSON.stringify({ id: 'a1', op: 'subscribe', args: ['trades', 'tickers', 'books5', 'books', 'bbo-tbt'].flatMap((channel) => ['BTC-USDT', 'BTC-USD-SWAP', 'NOPE-USDT','NEWCOIN-USDT'].map((instId) => ({ channel, instId }))) }))
  await new Promise((r) => setTimeout(r, 1500))
  for (const s of seen) if (!s.includes('"action":"snapshot"')) console.log(s.slice(0, 300))
  const get = async (p: string) => console.log(p, (await (await fetch(fake.endpoints.rest + p)).text()).slice(0, 500))
  await get('/api/v5/public/instruments?instType=SWAP')
  await get('/api/v5/market/history-trades?instId=BTC-USDT&limit=2')
  await get('/api/v5/market/candles?instId=BTC-USD-SWAP&limit=3')
  await get('/api/v5/market/candles?instId=BTC-USDT&limit=3&bar=1s')
  await get('/api/v5/market/books?instId=BTC-USDT&sz=3')
  await fake.close()
})
test('cpu', async () => {
  const fake = createVirtualExchange({ pairs: 200 })
  let n = 0
  const s = fake.ports.socket(fake.endpoints.public, { onOpen: () => { for (let i = 1; i <= 200; i++) s.send(JSON.stringify({ op: 'subscribe', args: [{ channel: 'trades', instId: `C${String(i).padStart(3, '0')}-USDT` },{ channel: 'tickers', instId: `C${String(i).padStart(3, '0')}-USDT` },{ channel: 'books5', instId: `C${String(i).padStart(3, '0')}-USDT` }] })) }, onText: () => { n++ }, onBinary() {}, onClose: (c) => console.log(c) })
  let t = performance.now()
  await fake.clock.advance(1000)
  console.log('first s', performance.now() - t, n)
  t = performance.now()
  await fake.clock.advance(60000)
  console.log('60 s', performance.now() - t, n)
  await fake.close()
  console.log(fake.clock.pending)
})
