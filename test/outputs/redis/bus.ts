import type { MarketDataPoint } from '../../../src/domain/market-data.ts'
import type { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { OutputFeed } from '../../../src/outputs/output-feed.ts'
import type { Output } from '../../../src/outputs/output.ts'
import { createRedisSubscriber, type RedisSubscriber } from '../../../src/outputs/redis/create-redis-subscriber.ts'
import type { RedisSubscriberOptions } from '../../../src/outputs/redis/redis-options.ts'
import type { MessageLoss, MessageMeta, SessionChange } from '../../../src/outputs/redis/subscriber-events.ts'
import { systemClock } from '../../../src/ports/clock.ts'
import { systemRandom } from '../../../src/ports/random.ts'
import { asDecimal } from '../../support/decimals.ts'

export function trade(id: number, symbol = 'BTC-USDT', exchange = 'okx'): MarketDataPoint {
  const data = {
    id: String(id),
    price: asDecimal('30227.60'),
    size: asDecimal('0.100000000000000001'),
    side: 'buy' as const,
    backfilled: false,
  }
  return { exchange, symbol, dataType: 'trade', timestamp: id, receivedAt: id, data }
}

export interface Feed {
  readonly feed: OutputFeed
  readonly errors: readonly TapekeeperError[]
}

export function feedOf(output: Output, maxQueued?: number): Feed {
  const errors: TapekeeperError[] = []
  const onError = (error: TapekeeperError): void => void errors.push(error)
  const feed = new OutputFeed({ name: 'test', output, clock: systemClock, random: systemRandom, onError, maxQueued })
  return { feed, errors }
}

export interface Ear {
  readonly subscriber: RedisSubscriber
  readonly points: readonly { readonly point: MarketDataPoint; readonly meta: MessageMeta }[]
  readonly losses: readonly MessageLoss[]
  readonly sessions: readonly SessionChange[]
  readonly errors: readonly TapekeeperError[]
  /** Sequences in the order in which they were handed out or reported missing. */
  account(session?: string): {
    readonly received: readonly number[]
    readonly missing: readonly number[]
    readonly order: readonly number[]
  }
}

/** A subscriber with a record of all it says. */
export async function listenTo(options: RedisSubscriberOptions): Promise<Ear> {
  const subscriber = createRedisSubscriber(options)
  const points: Ear['points'][number][] = []
  const losses: MessageLoss[] = []
  const sessions: SessionChange[] = []
  const errors: TapekeeperError[] = []
  const told: { readonly session: string; readonly sequence: number; readonly isMissing: boolean }[] = []
  subscriber.on('point', (point, meta) => {
    points.push({ point, meta })
    told.push({ session: meta.session, sequence: meta.sequence, isMissing: false })
  })
  subscriber.on('loss', (loss) => {
    losses.push(loss)
    const { session, fromSequence, toSequence } = loss
    for (let sequence = fromSequence; sequence <= toSequence; sequence++) told.push({ session, sequence, isMissing: true })
  })
  subscriber.on('session', (change) => sessions.push(change))
  subscriber.on('error', (error) => errors.push(error))
  await subscriber.start()
  const account: Ear['account'] = (session = sessions[0]?.session) => {
    const mine = told.filter((entry) => entry.session === session)
    const sequencesOf = (entries: typeof mine): readonly number[] => entries.map(({ sequence }) => sequence)
    return {
      received: sequencesOf(mine.filter(({ isMissing }) => !isMissing)),
      missing: sequencesOf(mine.filter(({ isMissing }) => isMissing)),
      order: sequencesOf(mine),
    }
  }
  return { subscriber, points, losses, sessions, errors, account }
}

export const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
