import type { CursorStore } from '../../ports/cursor-store.ts'
import type { SinkStatus } from '../../ports/sink.ts'
import { allCursors } from './all-cursors.ts'
import { openSinks, type OpenSinks, type SinkWorld } from './open-sinks.ts'
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

  /** @throws TapekeeperError when a repository or output cannot be made. */
  async open(): Promise<void> {
    this.#isHurried = false
    if (this.#own !== undefined) return
    const own = (this.#own = this.#told = await openSinks(this.#options, this.#world))
    for (const sink of own.sinks) this.fan.add(sink)
  }

  /** It is about to stop: whoever waits for a cursor to be kept must not wait for more rows to come. */
  hurry(): void {
    this.#isHurried = true
  }

  /** Never rejects. */
  async close(signal: AbortSignal): Promise<void> {
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
    return {
      load: (stream) => store.load(stream),
      save: async (stream, cursor) => {
        const saved = store.save(stream, cursor)
        if (this.#isHurried) void this.fan.flush()
        await saved
      },
    }
  }
}
