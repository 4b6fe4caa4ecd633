import type { PointOf } from '../../domain/market-data.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { ExchangeDefinition, OrderBookDepth, TradeTarget } from '../exchange-definition.ts'
import type { RestClient } from '../rest-client.ts'
import { BookKeeper, type BookStateChange } from './book-keeper.ts'

/** From this depth on every change is delivered, unless the settings say otherwise: snapshots would be long. */
const UPDATES_FROM_DEPTH = 400
/** Without updates a kept book is delivered this often. */
const SNAPSHOT_INTERVAL_MS = 1_000

export interface KeeperRequest {
  readonly definition: ExchangeDefinition
  readonly target: TradeTarget
  readonly settings: {
    readonly depth: OrderBookDepth
    readonly updates?: boolean | undefined
    readonly snapshotIntervalMs?: number | undefined
  }
  readonly rest: RestClient
  readonly topicKey: string
  readonly pool: { resubscribe(topicKey: string): void; rollover(topicKey: string): void }
  readonly clock: Clock
  readonly random: Random
  readonly deliver: (point: PointOf<'orderbook'>) => void
  readonly onState: (change: BookStateChange) => void
}

/** The keeper of one book that comes as changes, as the collector's settings want it delivered. */
export function createKeeper(request: KeeperRequest): BookKeeper {
  const { definition, target, settings, rest, topicKey, pool, clock, random, deliver, onState } = request
  const { depth } = settings
  const { updates = depth === 'full' || depth >= UPDATES_FROM_DEPTH } = settings
  const options = {
    symbol: target.symbol,
    clock,
    random,
    updates,
    snapshotIntervalMs: settings.snapshotIntervalMs ?? (updates ? undefined : SNAPSHOT_INTERVAL_MS),
    depth: depth === 'full' ? undefined : depth,
  }
  return new BookKeeper(options, {
    emit: deliver,
    onState,
    resubscribe: () => pool.resubscribe(topicKey),
    reconnect: () => pool.rollover(topicKey),
    fetchSnapshot: (signal) =>
      definition.loadBook?.(rest, target, () => clock.now(), signal) ??
      Promise.reject(new TapekeeperError('REST_FAILED', `${definition.name} has no order books over REST`)),
  })
}
