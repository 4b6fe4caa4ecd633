import { startFakeExchange } from 'tapekeeper/testing'
import type { ExchangeOrder, ExchangeReport } from './soak.ts'

// The other side of scripts/soak.ts, in a process of its own so that its work is not counted.

const TURN_MS = 10
/** After a stall it goes on at its pace: what was not sent in time is not sent in one burst. */
const MOST_PER_TURN = 1_000

const pairs = Number(process.argv[2])
await using fake = await startFakeExchange({
  instruments: [],
  pairs,
  tradesPerSecond: 0,
  bookUpdatesPerSecond: 0,
  historyMs: 0,
  historyLimit: 500,
})
const symbols = fake.instruments.map(({ symbol }) => symbol)
const say = (report: ExchangeReport): void => void process.send?.(report)

let tradesPerSecond = 0
let due = 0
let trades = 0
let turnAt = performance.now()
const turns = setInterval(() => {
  const now = performance.now()
  due = Math.min(due + (tradesPerSecond * (now - turnAt)) / 1_000, MOST_PER_TURN)
  turnAt = now
  for (; due >= 1; due--) fake.emitTrades(symbols[trades++ % symbols.length]!, 1)
}, TURN_MS)

process.on('message', (order: ExchangeOrder) => {
  tradesPerSecond = order.tradesPerSecond
  due = 0
  const { user, system } = process.cpuUsage()
  say({
    endpoints: fake.endpoints,
    symbols,
    trades,
    connections: fake.connections.length,
    dials: fake.dials.length,
    refused: fake.dials.filter(({ accepted }) => !accepted).length,
    cpuUs: user + system,
  })
})
await new Promise((resolve) => process.once('disconnect', resolve))
clearInterval(turns)
