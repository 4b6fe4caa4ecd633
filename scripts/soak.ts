/**
 * Many collectors under one manager against a fake exchange of this machine, in real time. The exchange has a process of its own.
 *
 *   npm run soak                                             10 minutes, 1,000 collectors, 5,000 messages a second
 *   npm run soak -- --minutes 2 --collectors 200 --rate 1000 --json
 *
 * Fails when a message is lost or something is left after the stop; the times are for people to judge.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { CollectorManager, createOkxCollector, silentLogger, type OkxCollector } from 'tapekeeper'
import type { FakeEndpoints } from 'tapekeeper/testing'
import { systemClock, type Clock } from '../src/ports/clock.ts'

export interface ExchangeOrder {
  readonly tradesPerSecond: number
}

export interface ExchangeReport {
  readonly endpoints: FakeEndpoints
  readonly symbols: readonly string[]
  /** Sent since the start; each is a frame of `trades` and one of `tickers`. */
  readonly trades: number
  readonly connections: number
  readonly dials: number
  /** Of these, those that were refused. */
  readonly refused: number
  readonly cpuUs: number
}

interface Spread {
  readonly median: number
  readonly p95: number
  readonly max: number
}

interface Minute {
  readonly cpuPercent: number
  readonly exchangeCpuPercent: number
  readonly heapMb: number
  readonly messagesPerSecond: number
  readonly loopDelayMs: Spread
}

/** Unlike any other timer of the manager, so that its checks are told from its other timers. */
const SWEEP_MS = 10_007
const IDLE_MS = 30_000
const MINUTE_MS = 60_000
const STATUS_CALLS = 100
const MESSAGES_PER_TRADE = 2

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    collectors: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '5000' },
    // Seconds before the time at rest: for some minutes REST is asked whether the markets are quiet.
    settle: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
})
const [minutes, amount, rate] = [Number(options.minutes), Number(options.collectors), Number(options.rate)]
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const tell = (line: string): void => {
  if (!options.json) console.log(line)
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

const exchange = fork(fileURLToPath(new URL('soak-exchange.ts', import.meta.url)), [String(amount)], {
  execArgv: ['--import', 'tsx'],
})
const { endpoints, symbols } = await ask(exchange, 0)
const sweeps: number[] = []
const manager = new CollectorManager({
  logger: silentLogger,
  globalHealthCheckIntervalMs: SWEEP_MS,
  startDeadlineMs: 600_000,
  ports: { clock: timing(systemClock, SWEEP_MS, sweeps) },
})
let delivered = 0
const collectors: OkxCollector[] = symbols.map((symbol) => {
  const collector = createOkxCollector({
    symbol,
    dataTypes: ['trade', 'ticker'],
    endpoints,
    startTimeoutMs: 600_000,
    logger: silentLogger,
  })
  collector.addDataCallback('trade', () => delivered++)
  manager.addCollector(collector)
  return collector
})

const startedAt = performance.now()
const isUp = await manager.start()
const startMs = performance.now() - startedAt
tell(
  `${amount} collectors are ${isUp ? '' : 'NOT '}up after ${(startMs / 1_000).toFixed(1)} s, ${manager.getStatus().resources.openSockets} sockets`,
)

await pause(Number(options.settle) * 1_000)
const idleStatusMs = await timeStatus()
tell(`at rest: getStatus() ${inWords(idleStatusMs)}`)
const idleCpuPercent = await cpuPercentOver(IDLE_MS)
tell(`at rest: ${idleCpuPercent.toFixed(1)} % of one core over ${IDLE_MS / 1_000} s`)
const idleSweepMs = spreadOf(sweeps.splice(0))
tell(`at rest: health sweep ${inWords(idleSweepMs)}`)

const before = manager.getStatus().statistics.messagesReceived
const firstHeapMb = heapMb()
await ask(exchange, rate / MESSAGES_PER_TRADE)
const perMinute: Minute[] = []
const statusMs: number[] = []
for (let minute = 1; minute <= minutes; minute++) {
  perMinute.push(await oneMinute())
  const { cpuPercent, heapMb: mb, messagesPerSecond, loopDelayMs, exchangeCpuPercent } = perMinute.at(-1)!
  tell(
    `minute ${minute}: ${messagesPerSecond.toFixed(0)} messages/s, ${cpuPercent.toFixed(1)} % CPU (exchange ${exchangeCpuPercent.toFixed(1)} %), ` +
      `heap ${mb.toFixed(1)} MB, loop delay ${inWords(loopDelayMs)}`,
  )
  statusMs.push(...(await timeStatusOf(10)))
}
const sent = (await ask(exchange, 0)).trades
await pause(3_000)
const { statistics, resources } = manager.getStatus()
const exchangeAtEnd = await ask(exchange, 0)
const errorsByCode = collectors
  .flatMap((collector) => Object.entries(collector.getStatus().statistics.errorsByCode))
  .reduce<Record<string, number>>((sums, [code, count]) => ({ ...sums, [code]: (sums[code] ?? 0) + count }), {})
const missing = collectors.reduce((sum, collector) => sum + collector.getCompleteness().missing, 0)

const stoppedAt = performance.now()
await manager.stop()
const stopMs = performance.now() - stoppedAt
await pause(1_000)
const exchangeAfter = await ask(exchange, 0)
exchange.disconnect()
await once(exchange, 'exit')
await pause(100)
const timersLeft = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

const heaps = perMinute.map(({ heapMb: mb }) => mb)
const figures = {
  collectors: amount,
  startSeconds: startMs / 1_000,
  idle: { statusMs: idleStatusMs, sweepMs: idleSweepMs, cpuPercent: idleCpuPercent },
  load: {
    statusMs: spreadOf(statusMs),
    sweepMs: spreadOf(sweeps),
    cpuPercent: mean(perMinute.map(({ cpuPercent }) => cpuPercent)),
    firstHeapMb,
    // The first minute warms up.
    heapSlopeMbPerMinute: slopeOf(heaps.slice(1)),
    perMinute,
  },
  tradesSent: sent,
  tradesDelivered: delivered,
  messagesSent: sent * MESSAGES_PER_TRADE,
  messagesReceived: statistics.messagesReceived - before,
  missing,
  reconnects: statistics.reconnects,
  restarts: statistics.collectorRestarts,
  errorsByCode,
  dials: exchangeAtEnd.dials,
  dialsRefused: exchangeAtEnd.refused,
  openSockets: resources.openSockets,
  socketsAtExchange: exchangeAtEnd.connections,
  stopMs,
  socketsAfterStop: exchangeAfter.connections,
  timersAfterStop: timersLeft,
}
if (options.json) console.log(JSON.stringify(figures, undefined, 2))
else {
  const { load } = figures
  tell(
    `under load: getStatus() ${inWords(load.statusMs)}; health sweep ${inWords(load.sweepMs)}; ${load.cpuPercent.toFixed(1)} % CPU`,
  )
  tell(
    `heap after gc: ${firstHeapMb.toFixed(1)} MB before, then ${heaps.map((mb) => mb.toFixed(1)).join(' ')}; ${load.heapSlopeMbPerMinute.toFixed(3)} MB/min`,
  )
  tell(
    `trades: ${sent} sent, ${delivered} delivered; messages: ${figures.messagesSent} sent, ${figures.messagesReceived} received`,
  )
  tell(
    `${missing} missing, ${figures.reconnects} reconnects, ${figures.restarts} restarts, errors ${JSON.stringify(errorsByCode)}, ${figures.dials} dials (${figures.dialsRefused} refused)`,
  )
  tell(
    `sockets: ${figures.openSockets} open, ${figures.socketsAtExchange} at the exchange, ${figures.socketsAfterStop} after the stop`,
  )
  tell(`stopped in ${stopMs.toFixed(0)} ms, ${timersLeft} timers left`)
}
const isWell = isUp && sent === delivered && missing === 0 && exchangeAfter.connections === 0 && timersLeft === 0
if (!isWell) {
  console.error('not well: something was lost or is left')
  process.exitCode = 1
}

/** A clock that notes how long the callbacks of one kind of timer take. */
function timing(clock: Clock, ofMs: number, durations: number[]): Clock {
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    after: (delayMs, callback) =>
      clock.after(delayMs, () => {
        const from = performance.now()
        callback()
        if (delayMs === ofMs) durations.push(performance.now() - from)
      }),
  }
}

async function ask(child: ChildProcess, tradesPerSecond: number): Promise<ExchangeReport> {
  const answer = once(child, 'message')
  child.send({ tradesPerSecond } satisfies ExchangeOrder)
  const [report] = (await answer) as [ExchangeReport]
  return report
}

async function oneMinute(): Promise<Minute> {
  const delays = monitorEventLoopDelay({ resolution: 10 })
  const rateNow = rate / MESSAGES_PER_TRADE
  const received = manager.getStatus().statistics.messagesReceived
  const exchangeFrom = (await ask(exchange, rateNow)).cpuUs
  const from = performance.now()
  const cpu = process.cpuUsage()
  delays.enable()
  await pause(MINUTE_MS)
  delays.disable()
  const tookMs = performance.now() - from
  const { user, system } = process.cpuUsage(cpu)
  const exchangeTo = (await ask(exchange, rateNow)).cpuUs
  const messages = manager.getStatus().statistics.messagesReceived - received
  // The histogram includes the interval itself.
  const ms = (percentile: number): number => Math.max(0, delays.percentile(percentile) / 1e6 - 10)
  return {
    cpuPercent: (user + system) / tookMs / 10,
    exchangeCpuPercent: (exchangeTo - exchangeFrom) / tookMs / 10,
    heapMb: heapMb(),
    messagesPerSecond: messages / (tookMs / 1_000),
    loopDelayMs: { median: ms(50), p95: ms(95), max: ms(100) },
  }
}

async function cpuPercentOver(ms: number): Promise<number> {
  const from = performance.now()
  const cpu = process.cpuUsage()
  await pause(ms)
  const { user, system } = process.cpuUsage(cpu)
  return (user + system) / (performance.now() - from) / 10
}

async function timeStatusOf(calls: number): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < calls; i++) {
    await pause(20)
    const from = performance.now()
    manager.getStatus()
    times.push(performance.now() - from)
  }
  return times
}

async function timeStatus(): Promise<Spread> {
  return spreadOf(await timeStatusOf(STATUS_CALLS))
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
  return { median: at(0.5), p95: at(0.95), max: sorted.at(-1) ?? NaN }
}

function inWords({ median, p95, max }: Spread): string {
  return `${median.toFixed(1)} ms (p95 ${p95.toFixed(1)}, max ${max.toFixed(1)})`
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Least squares: by how much the values rise from one to the next. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const average = mean(values)
  const spread = values.reduce((sum, _value, i) => sum + (i - middle) ** 2, 0)
  return spread === 0 ? 0 : values.reduce((sum, value, i) => sum + (i - middle) * (value - average), 0) / spread
}

function heapMb(): number {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed / 2 ** 20
}
