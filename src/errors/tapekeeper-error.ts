import { CONSEQUENCE, type Consequence, type ErrorCode } from './consequence.ts'

const mark = Symbol.for('tapekeeper.error')

/**
 * The one error class: `code` for programs, `message` for people, `context` for logs, `cause` for the curious.
 * Neither message nor context ever holds a key, a secret or a signature.
 *
 * @example
 * ```ts
 * import { TapekeeperError } from 'tapekeeper'
 * function explain(error: unknown) {
 *   return TapekeeperError.is(error) ? `${error.code} (${error.consequence}): ${error.message}` : String(error)
 * }
 * ```
 */
export class TapekeeperError extends Error {
  readonly [mark] = true
  readonly code: ErrorCode
  readonly context: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, context: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TapekeeperError'
    this.code = code
    this.context = context
  }

  /** What the library does about it. */
  get consequence(): Consequence {
    return CONSEQUENCE[this.code]
  }

  /** Works where `instanceof` fails: when the ESM and the CJS build are both loaded. */
  static is(value: unknown): value is TapekeeperError {
    return typeof value === 'object' && value !== null && mark in value
  }

  /** Wraps whatever was thrown; an error of ours passes unchanged. */
  static from(value: unknown, code: ErrorCode, context: Readonly<Record<string, unknown>> = {}): TapekeeperError {
    if (TapekeeperError.is(value)) return value
    return new TapekeeperError(code, messageOf(value), context, { cause: value })
  }
}

/** How many faults an error stands for: `context.count` where it sums up several, else 1. */
export function occurrencesOf({ context }: TapekeeperError): number {
  return typeof context['count'] === 'number' ? context['count'] : 1
}

/** Words for whatever was thrown; also for what has none. */
export function messageOf(value: unknown): string {
  if (value instanceof Error) return value.message
  try {
    return String(value)
  } catch {
    return 'something without words was thrown'
  }
}
