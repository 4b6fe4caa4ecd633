import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { CollectorManager, createOkxCollector, silentLogger } from 'tapekeeper'
import { startFakeExchange, type FakeExchange } from 'tapekeeper/testing'

// Many collectors over real sockets for a few seconds: counts only. For times, and for longer: `npm run soak`.

const COLLECTORS = 200
const TRADES_PER_SECOND = 500
const LOAD_MS = 8_000
const TURN_MS = 20

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

/** What keeps the process alive, by kind. */
function resources(): { readonly timers: number; readonly sockets: number } {
  const kinds = process.getActiveResourcesInfo()
  return {
    timers: kinds.filter((kind) => kind === 'Timeout').length,
    sockets: kinds.filter((kind) => kind === 'TCPSocketWrap').length,
  }
}

/** About so many trades a second for so long, in turn. @returns how many. */
async function trade(fake: FakeExchange, symbols: readonly string[], forMs: number): Promise<number> {
  const from = performance.now()
  let sent = 0
  for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - from) {
    for (; sent < (TRADES_PER_SECOND * passedMs) / 1_000; sent++) fake.emitTrades(symbols[sent % symbols.length]!, 1)
    await pause(TURN_MS)
  }
  return sent
}

async function until(isSo: () => boolean, limitMs = 20_000): Promise<void> {
  for (let passed = 0; !isSo() && passed < limitMs; passed += TURN_MS) await pause(TURN_MS)
}

test(`${COLLECTORS} collectors at some 1,000 messages a second: nothing lost, nothing grows, nothing is left`, async () => {
  const before = resources()
  const fake = await startFakeExchange({
    instruments: [],
    pairs: COLLECTORS,
    tradesPerSecond: 0,
    bookUpdatesPerSecond: 0,
    historyMs: 0,
  })
  const symbols = fake.instruments.map(({ symbol }) => symbol)
  const ending = new AbortController()
  const { signal } = ending
  const manager = new CollectorManager({ logger: silentLogger, signal, globalHealthCheckIntervalMs: 500 })
  const ids = new Map<string, Set<string>>()
  const collectors = symbols.map((symbol) => {
    const collector = createOkxCollector({
      symbol,
      dataTypes: ['trade', 'ticker'],
      endpoints: fake.endpoints,
      signal,
      logger: silentLogger,
    })
    const seen = new Set<string>()
    ids.set(symbol, seen)
    collector.addDataCallback('trade', ({ data }) => seen.add(data.id))
    manager.addCollector(collector)
    return collector
  })
  expect(await manager.start()).toBe(true)
  const received = (): number => manager.getStatus().statistics.messagesReceived
  const atStart = received()

  let sent = await trade(fake, symbols, LOAD_MS / 2)
  const middle = { ...resources(), listeners: getEventListeners(signal, 'abort').length }
  sent += await trade(fake, symbols, LOAD_MS / 2)
  // Each trade is a frame of `trades` and one of `tickers`.
  await until(() => received() - atStart >= 2 * sent)
  const end = { ...resources(), listeners: getEventListeners(signal, 'abort').length }

  expect(sent).toBeGreaterThan(COLLECTORS)
  for (const symbol of symbols) expect([...ids.get(symbol)!]).toEqual(fake.trades(symbol).map(({ id }) => id))
  const { statistics, resources: process } = manager.getStatus()
  expect(received() - atStart).toBe(2 * sent)
  expect(statistics).toMatchObject({
    runningCollectors: COLLECTORS,
    failedCollectors: 0,
    healthyCollectors: COLLECTORS,
    errors: 0,
    reconnects: 0,
    collectorRestarts: 0,
    gaps: 0,
    missingTrades: 0,
  })
  expect(collectors.reduce((sum, collector) => sum + collector.getCompleteness().duplicates, 0)).toBe(0)
  expect(process.openSockets).toBe(fake.connections.length)
  expect(fake.dials).toHaveLength(process.openSockets)
  expect(middle.listeners).toBe(1)
  expect(end.listeners).toBe(middle.listeners)
  // Requests over REST come and go.
  expect(end.sockets).toBeLessThanOrEqual(middle.sockets + 10)
  expect(end.timers).toBeLessThanOrEqual(middle.timers + COLLECTORS / 10)

  await manager.stop()
  await until(() => fake.connections.length === 0)
  expect(fake.connections).toEqual([])
  expect(getEventListeners(signal, 'abort')).toEqual([])
  await fake.close()
  await until(() => resources().timers <= before.timers && resources().sockets <= before.sockets)
  expect(resources().timers).toBeLessThanOrEqual(before.timers + 1)
  expect(resources().sockets).toBeLessThanOrEqual(before.sockets)
})
