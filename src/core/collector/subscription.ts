import type { BookKeeper } from '../book/book-keeper.ts'
import type { Topic } from '../exchange-definition.ts'
import type { LinkPool } from '../link/link-pool.ts'
import type { SubscriptionStatus } from './events.ts'
import type { RepairLadder } from './repair-ladder.ts'
import { isoTime, type SubscriptionReport } from './status-report.ts'
import type { StreamWatch } from './stream-watch.ts'

/** One topic a collector has subscribed to, with what keeps it right. */
export interface Subscription {
  /** The topic's name, with the number of the socket where there are two. */
  readonly name: string
  readonly topic: Topic
  readonly pool: LinkPool
  /** Keeps the book of a topic that brings changes only. */
  readonly keeper: BookKeeper | undefined
  /** Tells silence from a quiet market; absent where there is no market, as with balances. */
  readonly watch: StreamWatch | undefined
  readonly repairs: RepairLadder
  status: SubscriptionStatus
  leave: () => Promise<void>
}

export function reportOf({ name, topic, status, watch, repairs }: Subscription): SubscriptionReport {
  const silenceMs = watch?.silenceMs()
  return {
    topic: name,
    dataType: topic.dataType,
    status,
    acknowledgedTime: isoTime(watch?.confirmedAt?.at),
    firstDataTime: isoTime(watch?.firstDataAt?.at),
    lastDataTime: isoTime(watch?.lastDataAt?.at),
    silence: inSeconds(silenceMs),
    typicalInterval: inSeconds(watch?.intervalMs),
    isStale: watch?.isStale ?? false,
    repairs: repairs.total,
  }
}

/** What is wrong with it, in words. */
export function issueOf({ name, status, watch }: Subscription): string | undefined {
  if (status !== 'confirmed') return `${name} is ${status}`
  return watch?.isStale === true ? `${name} is silent while its market is not known to be quiet` : undefined
}

const inSeconds = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1_000)
