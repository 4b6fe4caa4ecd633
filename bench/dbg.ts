import { startFake } from './test/fake.ts'
const fake = await startFake('okx-api')
const fills = fake.trades('BTC-USDT')
let n = 0
fills.forEach((f, i) => { const g = fills[i - 1]; if (g && Math.abs(Number(f.price) - Number(g.price)) > 30 && n++ < 12) console.log(g.price, g.side, g.timestamp, g.order, '->', f.price, f.side, f.timestamp, f.order) })
console.log(n, 'of', fills.length)
const b = fake.book('BTC-USDT'); console.log(b.bids.length, b.bids.slice(0, 6), b.bids.at(-1), b.asks.slice(0, 6), b.asks.at(-1))
await fake.close()
