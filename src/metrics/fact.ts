import type { CounterKey, GaugeKey } from './catalog.ts'

export type Labels = Readonly<Record<string, string>>

/** A total of one collector, or of the manager, that belongs to a counter. */
export interface CounterFact {
  readonly counter: CounterKey
  /** Tells it from the other totals of whoever it is of. */
  readonly key: string
  readonly labels: Labels
  readonly total: number
  /** It starts from 0 now and then: a fall is a new start, and no correction. */
  readonly startsAgain?: boolean
}

/** A gauge's value for one collector, or the manager. What several of one exchange say is added up, or the largest is taken. */
export interface GaugeFact {
  readonly gauge: GaugeKey
  readonly labels: Labels
  readonly value: number
  readonly fold: 'sum' | 'max'
}
