import type { Gap } from '../../domain/gap.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { keepsGaps, type CursorStore } from '../../ports/cursor-store.ts'
import type { SinkStatus } from '../../ports/sink.ts'
import { allCursors } from './all-cursors.ts'
import { closeEnds, makeEnds, OpenSinks, type SinkWorld } from './open-sinks.ts'
import { SinkFan } from './sink-fan.ts'
import type { ResolvedSinkOptions } from './sink-options.ts'

/** The sinks of one collector or manager: its own, open from start to stop, and those of others. */
export class SinkSet {
  readonly fan: SinkFan
  readonly #options: ResolvedSinkOptions
  readonly #world: SinkWorld
  #own: OpenSinks | undefined
  /** Also while they are being closed and afterwards: what they did last is told until there are new ones. */
  #told: OpenSinks | undefined
  /** Waits no longer for what is being made. */
  #abandon: () => void = () => undefined
  #isHurried = false

  constructor(options: ResolvedSinkOptions, world: SinkWorld & { readonly onFault: (error: unknown) => void }) {
    this.#options = options
    this.#world = world
    this.fan = new SinkFan(world.onFault)
  }

  /** There is nothing to open or to close. */
  get isEmpty(): boolean {
    return this.#options.repositories === undefined && this.#options.outputs.length === 0
  }

  /**
   * What is made so late that these have been closed, or are being opened again, is closed at once.
   *
   * @throws TapekeeperError when a repository or output cannot be made; `ABORTED` when it is not waited for any more.
   */
  open(): Promise<void> {
    if (this.#own !== undefined) return Promise.resolve()
    this.#abandon()
    return new Promise((resolve, reject) => {
      let isWanted = true
      this.#abandon = () => {
        isWanted = false
        reject(new TapekeeperError('ABORTED', 'stopped before its repositories and outputs were there'))
      }
      makeEnds(this.#options, this.#world)
        .then((ends) => {
          if (!isWanted) return closeEnds(ends, this.#world)
          const own = (this.#own = this.#told = new OpenSinks(ends, this.#options, this.#world))
          for (const sink of own.sinks) this.fan.add(sink)
          return undefined
        })
        .then(resolve, reject)
    })
  }

  /** While it is about to stop, whoever waits for a cursor to be kept must not wait for more rows to come. */
  hurry(isStopping: boolean): void {
    this.#isHurried = isStopping
  }

  /** Never rejects. */
  async close(signal: AbortSignal): Promise<void> {
    this.#abandon()
    const own = this.#own
    this.#own = undefined
    if (own === undefined) return
    // At once: when this takes long, others may have taken their place.
    for (const sink of own.sinks) this.fan.remove(sink)
    await own.close(signal)
  }

  status(): readonly SinkStatus[] {
    return this.#told?.sinks.flatMap((sink) => sink.status()) ?? []
  }

  issues(): readonly string[] {
    return this.#own?.sinks.flatMap((sink) => sink.issues()) ?? []
  }

  cursorStore(given: CursorStore | undefined): CursorStore | undefined {
    const store = allCursors([given, this.fan.cursorStore].filter((each) => each !== undefined))
    if (store === undefined) return undefined
    const inHurry = async (saved: Promise<unknown>): Promise<void> => {
      if (this.#isHurried) void this.fan.flush()
      await saved
    }
    return {
      load: (stream) => store.load(stream),
      save: (stream, cursor) => inHurry(store.save(stream, cursor)),
      ...(keepsGaps(store) && {
        saveGaps: (gaps: readonly Gap[]) => inHurry(store.saveGaps(gaps)),
        openGaps: (stream: string) => store.openGaps(stream),
      }),
    }
  }
}
