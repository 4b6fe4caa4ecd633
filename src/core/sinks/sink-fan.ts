import type { Gap } from '../../domain/gap.ts'
import type { MarketDataPoint } from '../../domain/market-data.ts'
import type { RawFrame } from '../../domain/raw-frame.ts'
import type { CursorStore } from '../../ports/cursor-store.ts'
import type { Sink, SinkStatus } from '../../ports/sink.ts'
import { allCursors } from './all-cursors.ts'

/** Many sinks as one, each behind a fence of its own. They may come and go while data flows. */
export class SinkFan implements Sink {
  readonly #onFault: (error: unknown) => void
  /** Copied when changed, so that a sink may be added or removed while points are handed out. */
  #sinks: readonly Sink[] = []

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

  add(sink: Sink): void {
    if (!this.#sinks.includes(sink)) this.#sinks = [...this.#sinks, sink]
  }

  remove(sink: Sink): void {
    this.#sinks = this.#sinks.filter((other) => other !== sink)
  }

  point(point: MarketDataPoint): void {
    for (const sink of this.#sinks) {
      // `#each` without its closure: this is the hot path.
      try {
        sink.point(point)
      } catch (error) {
        this.#onFault(error)
      }
    }
  }

  gap(gap: Gap): void {
    this.#each((sink) => sink.gap(gap))
  }

  frame(frame: RawFrame): void {
    this.#each((sink) => sink.frame(frame))
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.#each((sink) => sink.flush(signal)).map((flushed) => flushed.catch(this.#onFault)))
  }

  issues(): readonly string[] {
    return this.#each((sink) => sink.issues()).flat()
  }

  status(): readonly SinkStatus[] {
    return this.#each((sink) => sink.status()).flat()
  }

  get cursorStore(): CursorStore | undefined {
    return allCursors(this.#each((sink) => sink.cursorStore).filter((store) => store !== undefined))
  }

  #each<R>(ask: (sink: Sink) => R): readonly R[] {
    return this.#sinks.flatMap((sink) => {
      try {
        return [ask(sink)]
      } catch (error) {
        this.#onFault(error)
        return []
      }
    })
  }
}
