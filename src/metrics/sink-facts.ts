import type { SinkStatus } from '../ports/sink.ts'
import type { CounterFact, GaugeFact } from './fact.ts'

/** What the sinks of one collector, or of the manager, contribute to a scrape. */
export interface SinkFacts {
  readonly counters: readonly CounterFact[]
  readonly gauges: readonly GaugeFact[]
}

/** Of `okx_BTC-USDT > sqlite` the last part: there are few of them, however many collectors there are. */
const placeOf = (name: string): string => name.replace(/^.* > /, '')

export function sinkFacts(sinks: readonly SinkStatus[]): SinkFacts {
  return { counters: sinks.flatMap(counterFacts), gauges: sinks.flatMap(gaugeFacts) }
}

function counterFacts({ name, delivered, rejected, lost, failures }: SinkStatus, index: number): CounterFact[] {
  const labels = { sink: placeOf(name) }
  // Two of one name are told apart by their place. Each start makes new ones, which count from 0.
  const of = (counter: CounterFact['counter'], total: number): CounterFact => ({
    counter,
    key: `${counter} ${index} ${name}`,
    labels,
    total,
    startsAgain: true,
  })
  return [of('sinkDelivered', delivered), of('sinkRejected', rejected), of('sinkLost', lost), of('sinkFailures', failures)]
}

function gaugeFacts({ name, state, queued, maxQueued, spooled, spooledBytes }: SinkStatus): GaugeFact[] {
  const labels = { sink: placeOf(name) }
  const sum = (gauge: GaugeFact['gauge'], value: number): GaugeFact => ({ gauge, labels, value, fold: 'sum' })
  return [
    { gauge: 'sinkAway', labels, value: state === 'away' ? 1 : 0, fold: 'max' },
    sum('sinkQueued', queued),
    sum('sinkMaxQueued', maxQueued),
    sum('sinkSpooled', spooled),
    sum('sinkSpooledBytes', spooledBytes),
  ]
}
