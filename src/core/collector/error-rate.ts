import type { Counters } from './counters.ts'
import type { Finding } from './health.ts'

export interface ErrorCounts {
  readonly messages: number
  /** Messages that could not be read, wholly or in part. Other errors are no share of the messages. */
  readonly errors: number
  readonly delivered: number
}

/** A handful of errors is no rate. */
const LEAST_ERRORS = 10
const NOTABLE = 0.1
/** Points delivered per error, below which next to nothing of use arrives. */
const USELESS = 0.1

/** What could not be read between two looks at the counters, when it is a share worth naming. Pure. */
export function assessErrorRate(before: ErrorCounts, now: ErrorCounts): Finding | undefined {
  const errors = now.errors - before.errors
  const messages = Math.max(errors, now.messages - before.messages)
  if (errors < LEAST_ERRORS || errors < NOTABLE * messages) return undefined
  const isUseless = now.delivered - before.delivered < USELESS * errors
  return { issue: isUseless ? 'error-rate' : 'own', text: `${errors} of ${messages} messages could not be read` }
}

/** The share of errors from one health check to the next. */
export class ErrorRate {
  readonly #counters: Counters
  #before: ErrorCounts = { messages: 0, errors: 0, delivered: 0 }
  /** What the latest check found; stands until the next. */
  finding: Finding | undefined

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** A new run: what went wrong before it does not count. */
  reset(): void {
    this.check()
    this.finding = undefined
  }

  check(): void {
    const { messagesReceived: messages, messagesProcessed: delivered, errorsByCode } = this.#counters
    const now = { messages, errors: errorsByCode.FRAME_INVALID ?? 0, delivered }
    this.finding = assessErrorRate(this.#before, now)
    this.#before = now
  }
}
