/** One metric as it is exposed. A `prefix` is put before the name. */
export interface MetricRow {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

const counter = (name: string, labels: readonly string[], help: string) => ({ name, type: 'counter', labels, help }) as const
const gauge = (name: string, labels: readonly string[], help: string) => ({ name, type: 'gauge', labels, help }) as const

/** Pulled from the collectors' statistics when scraped. */
export const COUNTERS = {
  messages: counter('collector_messages_total', ['exchange', 'symbol', 'type'], 'Data points delivered'),
  errors: counter('collector_errors_total', ['exchange', 'error_type'], 'Everything that went wrong, by error code'),
  received: counter('collector_received_messages_total', ['exchange'], 'Frames or messages that arrived'),
  receivedBytes: counter('collector_received_bytes_total', ['exchange'], 'Bytes that arrived, uncompressed'),
  decodeErrors: counter('collector_decode_errors_total', ['exchange'], 'Frames, or rows of them, that could not be read'),
  dropped: counter('collector_dropped_points_total', ['exchange'], 'Points dropped by streams whose consumers were too slow'),
  gaps: counter('collector_gaps_total', ['exchange'], 'Gaps that were declared'),
  reconnects: counter(
    'collector_reconnects_total',
    ['exchange'],
    'Connections lost; one that several collectors share counts for each',
  ),
  restarts: counter('collector_restarts_total', ['exchange', 'trigger'], 'Restarts of collectors'),
  scrapeErrors: counter(
    'collector_scrape_errors_total',
    ['exchange'],
    'Collectors left out of a scrape because their status could not be had',
  ),
  sinkDelivered: counter(
    'collector_sink_delivered_total',
    ['exchange', 'sink'],
    'Rows or messages that arrived, be it that they were there already',
  ),
  sinkRejected: counter(
    'collector_sink_rejected_total',
    ['exchange', 'sink'],
    'Rows or messages that were refused, and left out',
  ),
  sinkLost: counter(
    'collector_sink_lost_total',
    ['exchange', 'sink'],
    'Rows or messages left out: no room to wait, or no time at the stop',
  ),
  sinkFailures: counter('collector_sink_failures_total', ['exchange', 'sink'], 'Attempts to write or to publish that failed'),
} as const satisfies Record<string, MetricRow>

/** As things are when scraped. */
export const GAUGES = {
  uptime: gauge(
    'collector_uptime_seconds',
    ['exchange'],
    'Seconds since the present run started, of the collector that runs longest',
  ),
  missingTrades: gauge('collector_missing_trades', ['exchange'], 'Fills known to be missing, less those found later'),
  subscriptions: gauge('collector_subscriptions', ['exchange', 'state'], 'Subscriptions by state'),
  staleSubscriptions: gauge(
    'collector_stale_subscriptions',
    ['exchange'],
    'Subscriptions that are silent while their market moves',
  ),
  sinceData: gauge(
    'collector_seconds_since_data',
    ['exchange', 'symbol'],
    'Seconds since the latest data, of collectors that should be running',
  ),
  collectors: gauge('collectors', ['exchange', 'status'], 'Collectors by status'),
  connections: gauge('collector_connections', ['exchange'], 'Open connections; one that is shared counts once'),
  sinkAway: gauge('collector_sink_away', ['exchange', 'sink'], '1 while a database or a bus cannot be reached, else 0'),
  sinkQueued: gauge('collector_sink_queued', ['exchange', 'sink'], 'Rows or messages that wait in memory'),
  sinkMaxQueued: gauge('collector_sink_max_queued', ['exchange', 'sink'], 'The most that may wait in memory'),
  sinkSpooled: gauge('collector_sink_spooled', ['exchange', 'sink'], 'Rows that wait in the spool'),
  sinkSpooledBytes: gauge('collector_sink_spooled_bytes', ['exchange', 'sink'], 'Bytes that the spool takes up'),
} as const satisfies Record<string, MetricRow>

/** With a manager only. */
export const MANAGER_GAUGES = {
  heapUsed: gauge('collector_manager_heap_used_bytes', [], 'Heap in use by the process'),
  eventLoopDelay: gauge('collector_manager_event_loop_delay_seconds', [], 'How late timers fire'),
  failed: gauge('collector_manager_failed_collectors', [], 'Collectors that should run and do not'),
} as const satisfies Record<string, MetricRow>

export const LATENCY = {
  name: 'collector_latency_seconds',
  type: 'histogram',
  labels: ['exchange', 'type'],
  help: "From the exchange's timestamp to the callback; without backfilled trades and candles, a negative clock skew counts as 0",
} as const satisfies MetricRow

export type CounterKey = keyof typeof COUNTERS
export type GaugeKey = keyof typeof GAUGES
export type ManagerGaugeKey = keyof typeof MANAGER_GAUGES

/** All of them, in the order in which they are exposed. */
export const METRICS: readonly MetricRow[] = [
  ...Object.values(COUNTERS),
  ...Object.values(GAUGES),
  LATENCY,
  ...Object.values(MANAGER_GAUGES),
]
