import type { DataType } from '../../domain/data-type.ts'
import type { MarketDataPoint, PointOf } from '../../domain/market-data.ts'
import { isThenable } from '../../ports/emitter.ts'
import { DataStream, type StreamOptions } from './data-stream.ts'

/** A consumer of one data type. May be asynchronous; what it returns is ignored, what it throws is counted. */
export type DataCallback<T extends DataType = DataType> = (point: PointOf<T>) => unknown

/** Trades that one stream's consumer was too slow for. */
export interface LostTrades {
  readonly first: PointOf<'trade'>
  readonly last: PointOf<'trade'>
  readonly fills: number
}

type AnyCallback = (point: never) => unknown
type AnyStream = DataStream<never>

export interface DeliveryHooks {
  /** A callback threw or rejected. */
  readonly onFault: (error: unknown, dataType: DataType) => void
  readonly onDropped: () => void
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
  readonly #streams = new Map<DataType, Set<AnyStream>>()

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
    const streams = this.#streams.get(dataType) ?? new Set()
    this.#streams.set(dataType, streams)
    let lost: LostTrades | undefined
    const stream: DataStream<PointOf<T>> = new DataStream(options, {
      onOverflow: () => this.#hooks.onOverflow(dataType),
      onDropped: (point) => {
        this.#hooks.onDropped()
        if (isTrade(point))
          lost = { first: lost?.first ?? point, last: point, fills: (lost?.fills ?? 0) + (point.data.count ?? 1) }
      },
      onSpellOver: () => {
        if (lost !== undefined) this.#hooks.onTradesLost(lost)
        lost = undefined
      },
      onEnd: () => streams.delete(stream as unknown as AnyStream),
      overflowError: () => this.#hooks.overflowError(dataType),
    })
    if (!stream.ended) streams.add(stream as unknown as AnyStream)
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
    if (streams !== undefined) for (const stream of streams) stream.push(point as never)
  }

  /** No more points will come: streams end once their consumers have read what is queued. */
  endStreams(): void {
    for (const streams of this.#streams.values()) for (const stream of [...streams]) stream.end()
  }
}

const isTrade = (point: PointOf<DataType>): point is PointOf<'trade'> => point.dataType === 'trade'
