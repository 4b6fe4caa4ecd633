import { SlidingWindow } from '../sliding-window.ts'
import type { Cancel, Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { stayAwayMs } from '../../ports/retry-after.ts'
import type { LinkLoss } from './link-state.ts'

/** A little more than a second, because the server's second is not ours. */
const SECOND_MS = 1_100
/** An answer that takes longer leaves it open when the dial arrived. */
const SLOW_MS = 250
/** While no link to a host has proved stable, all of them together redial this often at most. */
const FAILING = { count: 4, perMs: 10_000 } as const
/** How long to stay away after a 429 or 418 that does not say. */
const REFUSED_MS = 10_000

interface Waiting {
  readonly redial: boolean
  readonly go: () => void
}

/**
 * The dial budget of one host, shared by every link to it:
 * - the exchange's limit of new connections per second;
 * - `Retry-After` of a 429 or 418 holds back everybody, up to ten minutes;
 * - while the host has not answered, one handshake at a time; while it drops what it accepted, four redials in ten seconds.
 *
 * So a struggling exchange is probed, never stormed, however many collectors run and however unlucky the jitter.
 */
export class Dialer {
  readonly #clock: Clock
  readonly #random: Random
  readonly #rate: SlidingWindow
  readonly #redials: SlidingWindow
  #queue: Waiting[] = []
  #wake: Cancel | undefined
  /** Elapsed time before which nobody dials. */
  #heldUntil = 0
  #inFlight = 0
  /** When the dials that are in flight were made, oldest first. */
  #dialledAt: number[] = []
  #reachable = false
  /** The latest news of this host was bad, or there was none yet. */
  #failing = true
  /** Links that have carried data for a while and still do. */
  #proven = 0
  #pumping = false

  constructor(clock: Clock, random: Random, dialsPerSecond: number) {
    this.#clock = clock
    this.#random = random
    this.#rate = new SlidingWindow(dialsPerSecond, SECOND_MS)
    // A period of its own: a fleet that was cut off at one moment would else use up its rations and get new ones in step.
    this.#redials = new SlidingWindow(FAILING.count, FAILING.perMs * (1 + 0.5 * random()))
  }

  /** Calls `go` as soon as one more dial is allowed. The caller must report how it ended: `opened` or `failed`. */
  request(redial: boolean, go: () => void): Cancel {
    const waiting: Waiting = { redial, go }
    this.#queue.push(waiting)
    this.#pump()
    return () => {
      this.#queue = this.#queue.filter((other) => other !== waiting)
      this.#pump()
    }
  }

  /** The handshake of a dial succeeded. */
  opened(): void {
    this.#answered()
    this.#reachable = true
    this.#pump()
  }

  /** The handshake of a dial failed, or was given up (no `loss`). */
  failed(loss?: LinkLoss): void {
    this.#answered()
    if (loss !== undefined) {
      this.#reachable = false
      this.#failing = true
      if (loss.status === 429 || loss.status === 418) this.#holdBack(stayAwayMs(loss.retryAfterMs) ?? REFUSED_MS)
    }
    this.#pump()
  }

  /** A link to this host has carried data for a while. */
  proved(): void {
    this.#proven++
    this.#failing = false
    this.#pump()
  }

  /** A link that had proved itself has ended or was lost. */
  retired(): void {
    this.#proven--
  }

  /** A connection was lost before it proved anything. */
  disproved(): void {
    this.#failing = true
  }

  /** Redials are rationed while the host fails and no link to it does well. */
  get #rationed(): boolean {
    return this.#failing && this.#proven === 0
  }

  /** The exchange counts a dial when it arrives. One that took its time may have arrived just now. */
  #answered(): void {
    this.#inFlight--
    const now = this.#clock.elapsed()
    const tookMs = now - (this.#dialledAt.shift() ?? now)
    if (tookMs > SLOW_MS) this.#rate.note(now)
  }

  #holdBack(forMs: number): void {
    // Jitter on top, so that a fleet told the same time does not come back in the same instant.
    this.#heldUntil = Math.max(this.#heldUntil, this.#clock.elapsed() + forMs + 1_000 * this.#random())
  }

  #pump(): void {
    // A dial that fails at once reports back from inside this loop, which goes on anyway.
    if (this.#pumping) return
    this.#pumping = true
    this.#wake?.()
    this.#wake = undefined
    try {
      this.#dialWhileAllowed()
    } finally {
      this.#pumping = false
    }
  }

  #dialWhileAllowed(): void {
    while (this.#reachable || this.#inFlight === 0) {
      const now = this.#clock.elapsed()
      // Redials may have to wait longer than first dials, and must not hold those up.
      const next = this.#queue.find((waiting) => this.#earliest(now, waiting.redial) <= now)
      if (next === undefined) {
        this.#sleepUntilAllowed(now)
        return
      }
      this.#queue = this.#queue.filter((other) => other !== next)
      this.#rate.note(now)
      if (next.redial && this.#rationed) this.#redials.note(now)
      this.#inFlight++
      this.#dialledAt.push(now)
      next.go()
    }
  }

  #sleepUntilAllowed(now: number): void {
    if (this.#queue.length === 0) return
    const at = Math.min(...this.#queue.map((waiting) => this.#earliest(now, waiting.redial)))
    this.#wake = this.#clock.after(at - now, () => this.#pump())
  }

  #earliest(now: number, redial: boolean): number {
    const rationed = redial && this.#rationed ? this.#redials.nextAt(now) : now
    return Math.max(now, this.#heldUntil, this.#rate.nextAt(now), rationed)
  }
}
