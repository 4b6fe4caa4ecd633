import type { DataType } from '../../domain/data-type.ts'
import type { MarketDataPoint, PointOf } from '../../domain/market-data.ts'
import { isThenable } from '../../ports/emitter.ts'
import { DataStream, type StreamOptions } from './data-stream.ts'
import { StreamBacklog, type Stall } from './stream-backlog.ts'

/** A consumer of one data type. May be asynchronous; what it returns is ignored, what it throws is counted. */
export type DataCallback<T extends DataType = DataType> = (point: PointOf<T>) => unknown

/** Trades that one stream's consumer was too slow for. */
export interface LostTrades {
  readonly first: PointOf<'trade'>
  readonly last: PointOf<'trade'>
  readonly fills: number
}

type AnyCallback = (point: never) => unknown

/** The streams of one data type. */
interface Streams {
  /** Those that have room, or a consumer that waits. */
  readonly flowing: Set<DataStream<never>>
  /** For those that are full. */
  readonly backlog: StreamBacklog<PointOf<DataType>>
  readonly all: Set<DataStream<never>>
}

export interface DeliveryHooks {
  /** A callback threw or rejected. */
  readonly onFault: (error: unknown, dataType: DataType) => void
  /** So many streams could not take a point. */
  readonly onDropped: (streams: number) => void
  /** A stream began to drop. */
  readonly onOverflow: (dataType: DataType) => void
  /** The consumer of a stream that dropped trades reads again: these are missing there, first and last included. */
  readonly onTradesLost: (lost: LostTrades) => void
  readonly overflowError: (dataType: DataType) => Error
}

/** Hands points to callbacks and streams: synchronously, in order, each consumer behind its own fence. */
export class Delivery {
  readonly #hooks: DeliveryHooks
  /** Copied when changed, so that a callback may add or remove callbacks while points are handed out. */
  readonly #callbacks = new Map<DataType, readonly AnyCallback[]>()
  readonly #streams = new Map<DataType, Streams>()

  constructor(hooks: DeliveryHooks) {
    this.#hooks = hooks
  }

  add<T extends DataType>(dataType: T, callback: DataCallback<T>): void {
    this.#callbacks.set(dataType, [...(this.#callbacks.get(dataType) ?? []), callback])
  }

  /** @returns whether it was there. */
  remove<T extends DataType>(dataType: T, callback: DataCallback<T>): boolean {
    const callbacks = this.#callbacks.get(dataType) ?? []
    const index = callbacks.lastIndexOf(callback)
    if (index >= 0) this.#callbacks.set(dataType, callbacks.toSpliced(index, 1))
    return index >= 0
  }

  stream<T extends DataType>(dataType: T, options: StreamOptions): DataStream<PointOf<T>> {
    const streams = this.#streams.get(dataType) ?? newStreams()
    this.#streams.set(dataType, streams)
    const stream: DataStream<PointOf<T>> = new DataStream(options, {
      weigh: fillsOf,
      onOverflow: () => this.#hooks.onOverflow(dataType),
      onFailed: () => this.#hooks.onDropped(1),
      stall: (keep) => {
        streams.flowing.delete(any)
        return streams.backlog.open(keep, () => streams.flowing.add(any)) as unknown as Stall<PointOf<T>>
      },
      onSpellOver: ({ first, last, weight }) => {
        if (isTrade(first) && isTrade(last)) this.#hooks.onTradesLost({ first, last, fills: weight })
      },
      onEnd: () => {
        streams.flowing.delete(any)
        streams.all.delete(any)
      },
      overflowError: () => this.#hooks.overflowError(dataType),
    })
    const any = stream as unknown as DataStream<never>
    if (!stream.ended) {
      streams.flowing.add(any)
      streams.all.add(any)
    }
    return stream
  }

  deliver(point: MarketDataPoint): void {
    const { dataType } = point
    const callbacks = this.#callbacks.get(dataType)
    if (callbacks !== undefined) {
      for (const callback of callbacks) {
        // callFenced without its closure: this is the hot path.
        try {
          const result = callback(point as never)
          if (isThenable(result)) result.then(undefined, (error: unknown) => this.#hooks.onFault(error, dataType))
        } catch (error) {
          this.#hooks.onFault(error, dataType)
        }
      }
    }
    const streams = this.#streams.get(dataType)
    if (streams === undefined) return
    for (const stream of streams.flowing) stream.push(point as never)
    const missing = streams.backlog.add(point)
    if (missing > 0) this.#hooks.onDropped(missing)
  }

  /** No more points will come: streams end once their consumers have read what is queued. */
  endStreams(): void {
    for (const { all } of this.#streams.values()) for (const stream of [...all]) stream.end()
  }
}

const newStreams = (): Streams => ({ flowing: new Set(), backlog: new StreamBacklog(fillsOf), all: new Set() })

const fillsOf = (point: PointOf<DataType>): number => (isTrade(point) ? (point.data.count ?? 1) : 0)

const isTrade = (point: PointOf<DataType>): point is PointOf<'trade'> => point.dataType === 'trade'
