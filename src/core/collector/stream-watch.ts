import { idValue } from '../../domain/trade-id.ts'
import type { Cancel, Clock, Moment } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { RepairStep } from './repair-ladder.ts'
import { Rhythm } from './rhythm.ts'

/** Silence of so many average gaps is suspicious: chance alone does not make it. */
const SUSPICIOUS_GAPS = 15
const LEAST_SUSPICION_MS = 3_000
/** Trades without a rhythm yet, mostly of quiet markets, and those are many: no hurry, and up to twice as long by chance. */
const FIRST_DATA_MS = 60_000
const LEAST_SUSPICION_OF_OTHERS_MS = 10_000
/** Other data than trades follows trades only as a rule: it is judged once it has shown a rhythm of its own. */
const SETTLED_GAPS = 10
/** The second look at the market, when the first had nothing to compare with. */
const SECOND_LOOK_MS = 2_000
/** What REST shows already may still be on its way to us. */
const IN_FLIGHT_MS = 1_000
/** A stream that turns fast after a slow time is watched at its new pace after this long. */
const LONGEST_TICK_MS = 5_000

export interface StaleFinding {
  readonly silenceMs: number
  /** How long data had come since the last repair. Milliseconds. */
  readonly flowedMs: number
  /** The most that is justified by what is known. */
  readonly most: RepairStep
  readonly reason: string
}

/** Which trade, and when by the exchange's time: a trade's point will do. */
export interface TradeMark {
  readonly timestamp: number
  readonly data: { readonly id: string }
}

export interface StreamWatchOptions {
  /** Their silence while the market trades is a proof, and not only a strong sign. */
  readonly isTrades: boolean
  readonly clock: Clock
  readonly random: Random
  /** The market's latest trade; undefined when it has none. Absent when nobody can be asked. */
  readonly latestTrade: (() => Promise<TradeMark | undefined>) | undefined
  /** Silence for longer is stale, unless the market is known to be quiet. */
  readonly maxSilenceMs: () => number
  readonly onStale: (finding: StaleFinding) => void
  readonly onRecovered: () => void
}

/**
 * Tells a stream that stopped from a market that is quiet. Silence is measured by the stream's own rhythm; before a stream is called
 * stale, REST is asked whether its market has traded since. Each answer `quiet` doubles the time to the next question.
 */
export class StreamWatch {
  /** When the exchange confirmed it; undefined while nothing is promised. */
  confirmedAt: Moment | undefined
  /** First and latest data since then. */
  firstDataAt: Moment | undefined
  lastDataAt: Moment | undefined
  isStale = false

  readonly #options: StreamWatchOptions
  readonly #rhythm = new Rhythm()
  #flowingSince: number | undefined
  /** The longest time that data came without a break since the last finding. */
  #flowedMs = 0
  /** The latest trade that came; else what the market had shown when we first looked: null when that was none. */
  #reference: TradeMark | null | undefined
  /** The silence was found, and something has been done about it. */
  #isTried = false
  /** By elapsed time. */
  #notBefore = 0
  #rounds = 0
  /** Changes with everything that makes an answer of REST obsolete. */
  readonly #firstDataMs: number
  #epoch = 0
  #asking: object | undefined
  #tick: Cancel | undefined

  constructor(options: StreamWatchOptions) {
    this.#options = options
    this.#firstDataMs = FIRST_DATA_MS * (1 + options.random())
  }

  get intervalMs(): number | undefined {
    return this.#rhythm.intervalMs
  }

  /** Silence since the latest data of this subscription, or since it was confirmed. */
  silenceMs(): number | undefined {
    if (this.confirmedAt === undefined) return undefined
    return this.#options.clock.elapsed() - (this.lastDataAt ?? this.confirmedAt).elapsed
  }

  confirmed(moment: Moment): void {
    this.interrupted()
    this.confirmedAt = moment
    this.#noteFlow()
    this.firstDataAt = undefined
    this.lastDataAt = undefined
    this.repaired()
    this.#schedule(this.#suspicionMs())
  }

  /** Nothing is promised just now: silence means nothing. */
  interrupted(): void {
    this.confirmedAt = undefined
    this.#rhythm.interrupt()
    this.#forget()
    this.#asking = undefined
    this.#tick?.()
    this.#tick = undefined
  }

  /** @param trade the trade that came; none for data whose time says nothing about trades. */
  data(moment: Moment, trade?: TradeMark): void {
    this.firstDataAt ??= moment
    this.lastDataAt = moment
    this.#flowingSince ??= moment.elapsed
    this.#rhythm.note(moment.elapsed)
    this.#forget()
    this.#reference = trade
    if (this.isStale) this.#recover()
  }

  /** What had to be done about the silence has been done: from now on the market may show that it is quiet. */
  repaired(): void {
    this.#isTried = true
  }

  #recover(): void {
    this.isStale = false
    this.#options.onRecovered()
  }

  #noteFlow(): void {
    if (this.#flowingSince !== undefined && this.lastDataAt !== undefined)
      this.#flowedMs = Math.max(this.#flowedMs, this.lastDataAt.elapsed - this.#flowingSince)
    this.#flowingSince = undefined
  }

  #forget(): void {
    this.#epoch++
    this.#reference = undefined
    this.#rounds = 0
    this.#notBefore = 0
  }

  #suspicionMs(): number {
    // Where nobody can be asked, only the hard limit counts.
    if (this.#options.latestTrade === undefined) return this.#options.maxSilenceMs()
    const { isTrades, maxSilenceMs } = this.#options
    const { intervalMs, gaps } = this.#rhythm
    if (!isTrades && gaps < SETTLED_GAPS) return maxSilenceMs()
    const leastMs = isTrades ? LEAST_SUSPICION_MS : LEAST_SUSPICION_OF_OTHERS_MS
    const suspicious = intervalMs === undefined ? this.#firstDataMs : Math.max(leastMs, SUSPICIOUS_GAPS * intervalMs)
    return Math.min(suspicious, maxSilenceMs())
  }

  #schedule(delayMs: number): void {
    this.#tick?.()
    // Whole and not 0: the rest of a fraction must not be waited for without end.
    const wholeMs = Math.max(1, Math.ceil(Math.min(delayMs, LONGEST_TICK_MS)))
    this.#tick = this.#options.clock.after(wholeMs, () => this.#look())
  }

  #look(): void {
    const silence = this.silenceMs()
    if (silence === undefined || this.#asking !== undefined) return
    const waitMs = Math.max(this.#suspicionMs() - silence, this.#notBefore - this.#options.clock.elapsed())
    if (waitMs > 0) this.#schedule(waitMs)
    else void this.#investigate(silence)
  }

  async #investigate(silenceMs: number): Promise<void> {
    const { latestTrade, maxSilenceMs } = this.#options
    const asking = {}
    this.#asking = asking
    const epoch = this.#epoch
    const hadReference = this.#reference !== undefined
    let latest: TradeMark | undefined
    let isAnswered = latestTrade !== undefined
    try {
      latest = await latestTrade?.()
    } catch {
      // REST cannot tell; the rest client has tried more than once.
      isAnswered = false
    }
    if (this.#asking !== asking) return
    this.#asking = undefined
    if (epoch !== this.#epoch) {
      this.#schedule(0)
    } else if (hadReference && this.#isNewer(latest)) {
      this.#giveItAMoment(epoch)
    } else if (!isAnswered && silenceMs >= maxSilenceMs()) {
      this.#found(silenceMs, latestTrade === undefined ? 'restart' : 'resubscribe', `no data for ${seconds(silenceMs)} s`)
    } else {
      if (isAnswered && !hadReference) this.#reference = latest ?? null
      if (isAnswered && hadReference && this.isStale && this.#isTried) this.#recover()
      const isHurried = !this.#options.isTrades || this.intervalMs !== undefined
      this.#lookAgain(isAnswered && !hadReference && isHurried ? SECOND_LOOK_MS : undefined)
    }
  }

  /** Rows that stand for several fills may carry the time of the first and the id of the last: the same id is the same trade. */
  #isNewer(latest: TradeMark | undefined): boolean {
    if (latest === undefined) return false
    const reference = this.#reference ?? NO_TRADE
    const [theirs, ours] = [latest.data.id, reference.data.id]
    // A stamp alone is no proof: one that is an hour ahead would hide an hour of silence.
    return theirs !== ours && (latest.timestamp > reference.timestamp || isLaterId(theirs, ours))
  }

  #giveItAMoment(epoch: number): void {
    const { clock } = this.#options
    this.#tick?.()
    this.#tick = clock.after(IN_FLIGHT_MS, () => {
      const silenceMs = this.silenceMs()
      if (silenceMs === undefined) return
      if (epoch !== this.#epoch) this.#schedule(0)
      else {
        const most = this.#options.isTrades ? 'restart' : 'reconnect'
        this.#found(silenceMs, most, `no data for ${seconds(silenceMs)} s while its market trades`)
      }
    })
  }

  #lookAgain(soonMs: number | undefined): void {
    const { clock, random, maxSilenceMs } = this.#options
    const longMs = Math.max(LEAST_SUSPICION_MS, Math.min(this.#suspicionMs() * 2 ** this.#rounds, maxSilenceMs()))
    if (soonMs === undefined) this.#rounds++
    // Jitter: streams that fell silent together do not ask together.
    const delayMs = Math.min(soonMs ?? Infinity, longMs) * (0.9 + 0.2 * random())
    this.#notBefore = clock.elapsed() + delayMs
    this.#schedule(delayMs)
  }

  #found(silenceMs: number, most: RepairStep, reason: string): void {
    this.#noteFlow()
    const flowedMs = this.#flowedMs
    this.#flowedMs = 0
    this.isStale = true
    this.#isTried = false
    // Whatever is done about it now: what was known of the stream is of the past.
    this.#rhythm.interrupt()
    this.#forget()
    const waitMs = most === 'resubscribe' ? this.#options.maxSilenceMs() : this.#suspicionMs()
    this.#notBefore = this.#options.clock.elapsed() + waitMs
    this.#schedule(waitMs)
    this.#options.onStale({ silenceMs, flowedMs, most, reason })
  }
}

/** A market that has not traded. */
const NO_TRADE: TradeMark = { timestamp: 0, data: { id: '' } }

/** By numbers alone: other ids have no order in time. */
function isLaterId(one: string, other: string): boolean {
  const [later, earlier] = [idValue(one), idValue(other)]
  return later !== undefined && earlier !== undefined && later > earlier
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1)
