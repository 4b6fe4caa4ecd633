import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import { COLLECTOR_STATUSES } from '../core/collector/collector-state.ts'
import { RESTART_TRIGGERS, type SubscriptionStatus } from '../core/collector/events.ts'
import type { CollectorStatusReport } from '../core/collector/status-report.ts'
import type { DataType } from '../domain/data-type.ts'
import type { CounterKey, GaugeKey } from './catalog.ts'
import type { CollectorTap } from './collector-tap.ts'
import type { CounterFact, GaugeFact, Labels } from './fact.ts'
import { sinkFacts } from './sink-facts.ts'

/** What one collector contributes to a scrape. */
export interface CollectorFacts {
  readonly counters: readonly CounterFact[]
  readonly gauges: readonly GaugeFact[]
  /** Ids of its open connections, which others may share. */
  readonly connections: readonly string[]
}

const SUBSCRIPTION_STATES = ['pending', 'confirmed', 'rejected'] as const satisfies readonly SubscriptionStatus[]

/** Reads everything from one collector, `elapsed` being now. May throw what the collector's own `getStatus` throws. */
export function readFacts(collector: BaseDataCollector, tap: CollectorTap, elapsed: number): CollectorFacts {
  const status = collector.getStatus()
  const sinks = sinkFacts(status.sinks)
  return {
    counters: [
      ...plainCounters(status),
      ...errorFacts(status),
      ...messageFacts(status, tap),
      ...restartFacts(status),
      ...sinks.counters,
    ],
    gauges: [...gaugeFacts(status, tap, elapsed), ...sinks.gauges],
    connections: collector.getConnections().flatMap((connection) => (connection.status === 'open' ? [connection.id] : [])),
  }
}

function plainCounters({ statistics }: CollectorStatusReport): CounterFact[] {
  const plain = (counter: CounterKey, total: number): CounterFact => ({ counter, key: counter, labels: {}, total })
  return [
    plain('received', statistics.messagesReceived),
    plain('receivedBytes', statistics.bytesReceived),
    plain('decodeErrors', statistics.errorsByCode.FRAME_INVALID ?? 0),
    plain('dropped', statistics.streamDropped),
    plain('gaps', statistics.gaps),
    plain('reconnects', statistics.reconnects),
    // Present from the start, so that the first one is seen as an increase.
    plain('scrapeErrors', 0),
  ]
}

function errorFacts({ statistics }: CollectorStatusReport): CounterFact[] {
  return Object.entries(statistics.errorsByCode).map(([code, total]) => ({
    counter: 'errors',
    key: `errors ${code}`,
    labels: { error_type: code },
    total,
  }))
}

/**
 * Points by type come from the statistics. Which symbol they are of is certain where there is one; else it is what was heard, and what
 * was delivered before anybody listened has an empty symbol. So does a point of no symbol that is collected: labels stay few.
 */
function messageFacts({ statistics, symbols }: CollectorStatusReport, tap: CollectorTap): CounterFact[] {
  const [only] = symbols
  const otherwise = symbols.length === 1 && only !== undefined ? only : ''
  return Object.entries(statistics.messagesByType).flatMap(([type, total]) => {
    const fact = (heard: string, symbol: string, count: number): CounterFact => ({
      counter: 'messages',
      key: `messages ${type} ${heard}`,
      labels: { symbol, type },
      total: count,
    })
    const tallies = tap.tallies(type as DataType)
    const heard = tallies.reduce((sum, { count }) => sum + count, 0)
    const rest = fact('', otherwise, total - heard)
    return [
      // Nothing is said of an empty symbol before there is something to say.
      ...(otherwise !== '' || total > heard ? [rest] : []),
      ...tallies.map(({ symbol, count }) => fact(`of ${symbol}`, symbols.includes(symbol) ? symbol : otherwise, count)),
    ]
  })
}

/** Each trigger is present from the start, so that its first restart is seen as an increase. */
function restartFacts({ statistics }: CollectorStatusReport): CounterFact[] {
  return RESTART_TRIGGERS.map((trigger) => ({
    counter: 'restarts',
    key: `restarts ${trigger}`,
    labels: { trigger },
    total: statistics.restartsByTrigger[trigger] ?? 0,
  }))
}

function gaugeFacts(status: CollectorStatusReport, tap: CollectorTap, elapsed: number): GaugeFact[] {
  const { statistics, subscriptions } = status
  const sum = (gauge: GaugeKey, value: number, labels: Labels = {}): GaugeFact => ({ gauge, labels, value, fold: 'sum' })
  const inState = (state: string): number => subscriptions.filter((subscription) => subscription.status === state).length
  return [
    { gauge: 'uptime', labels: {}, value: statistics.uptimeSeconds, fold: 'max' },
    sum('missingTrades', statistics.missingTrades),
    ...SUBSCRIPTION_STATES.map((state) => sum('subscriptions', inState(state), { state })),
    sum('staleSubscriptions', subscriptions.filter(({ isStale }) => isStale).length),
    ...COLLECTOR_STATUSES.map((each) => sum('collectors', each === status.status ? 1 : 0, { status: each })),
    ...silences(status, tap, elapsed),
  ]
}

/** The seconds of silence of each symbol. A collector that was stopped on purpose is not silent, it is stopped. */
function silences(
  { shouldBeRunning, symbols, health, statistics }: CollectorStatusReport,
  tap: CollectorTap,
  elapsed: number,
): GaugeFact[] {
  if (!shouldBeRunning) return []
  const sinceStart = statistics.uptimeSeconds > 0 ? statistics.uptimeSeconds : Infinity
  return symbols.flatMap((symbol): GaugeFact[] => {
    // The report speaks of the collector as a whole: one silent symbol of several is seen only by what was heard of it.
    const known = symbols.length === 1 ? health.timeSinceData : (elapsed - tap.lastHeardAt(symbol)) / 1_000
    const value = known ?? sinceStart
    return Number.isFinite(value) ? [{ gauge: 'sinceData', labels: { symbol }, value, fold: 'max' }] : []
  })
}
