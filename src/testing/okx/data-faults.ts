import type { MuteEnd } from '../fake-exchange.ts'
import { corruptFrame, type CorruptKind } from './corrupt.ts'

/** A data filter with the native symbol. */
export interface DataTarget {
  readonly instId: string | undefined
  readonly channel: string | undefined
}

interface Mute extends DataTarget {
  readonly until: MuteEnd | undefined
  readonly since: number
}

interface Counted extends DataTarget {
  left: number
}

interface Swap {
  readonly instId: string
  readonly channel: string
  held: string | undefined
}

export const TRADE_CHANNELS = ['trades', 'trades-all'] as const

/** Faults that befall data frames on their way out, the same for all connections. */
export class DataFaults {
  #muted: Mute[] = []
  #skips: Counted[] = []
  #swaps: Swap[] = []
  #damages: { readonly target: DataTarget; readonly kind: CorruptKind }[] = []

  mute(target: DataTarget, until: MuteEnd | undefined, now: number): void {
    this.#muted.push({ ...target, until, since: now })
  }

  /** Ends the mutes that end by subscribing anew. */
  subscribed(instId: string, channel: string, openedAt: number): void {
    this.#muted = this.#muted.filter(({ until, since, ...target }) => {
      const isOver = until === 'resubscribed' || (until === 'reconnected' && openedAt > since)
      return !isOver || !isMeant(target, instId, channel)
    })
  }

  unmute(target: DataTarget | undefined): void {
    this.#muted = target === undefined ? [] : this.#muted.filter((other) => !isWithin(other, target))
  }

  skip(target: DataTarget, count: number): void {
    this.#skips.push({ ...target, left: count })
  }

  swapTrades(instId: string): void {
    for (const channel of TRADE_CHANNELS) this.#swaps.push({ instId, channel, held: undefined })
  }

  damage(kind: CorruptKind, target: DataTarget): void {
    this.#damages.push({ kind, target })
  }

  clear(): void {
    this.#muted = []
    this.#skips = []
    this.#swaps = []
    this.#damages = []
  }

  /** What is really sent instead of `text`: nothing, one frame, or two. */
  apply(instId: string, channel: string, text: string): readonly (string | Uint8Array)[] {
    const concerns = (target: DataTarget): boolean => isMeant(target, instId, channel)
    if (this.#muted.some(concerns)) return []

    const skip = this.#skips.find(concerns)
    if (skip !== undefined) {
      skip.left--
      if (skip.left <= 0) this.#skips = this.#skips.filter((other) => other !== skip)
      return []
    }
    const damage = this.#damages.find(({ target }) => concerns(target))
    if (damage !== undefined) {
      this.#damages = this.#damages.filter((other) => other !== damage)
      return [corruptFrame(text, damage.kind)]
    }
    const swap = this.#swaps.find((other) => other.instId === instId && other.channel === channel)
    if (swap === undefined) return [text]
    if (swap.held === undefined) {
      swap.held = text
      return []
    }
    this.#swaps = this.#swaps.filter((other) => other !== swap)
    return [text, swap.held]
  }
}

const isMeant = (target: DataTarget, instId: string, channel: string): boolean =>
  (target.instId === undefined || target.instId === instId) && (target.channel === undefined || target.channel === channel)

/** A whole symbol includes each of its channels. */
const isWithin = (part: DataTarget, whole: DataTarget): boolean =>
  part.instId === whole.instId && (whole.channel === undefined || part.channel === whole.channel)
