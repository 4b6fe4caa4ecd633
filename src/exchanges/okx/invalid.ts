import { MOST_ERRORS_PER_FRAME, NO_ERRORS, type Frame } from '../../core/frame.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'

const EXCERPT_LENGTH = 200

/** What is said about a frame, or a row of one, that cannot be used. */
function frameError(
  message: string,
  frame: string,
  channel?: string,
  nativeSymbol?: string,
  more: Readonly<Record<string, unknown>> = {},
): TapekeeperError {
  const about = channel === undefined ? '' : ` ${channel}${nativeSymbol === undefined ? '' : `:${nativeSymbol}`}`
  const context = { exchange: 'okx', channel, nativeSymbol, frame: frame.slice(0, EXCERPT_LENGTH), ...more }
  return new TapekeeperError('FRAME_INVALID', `okx${about}: ${message}`, context)
}

export function invalidFrame(message: string, frame: string, channel?: string, nativeSymbol?: string): Frame {
  return { kind: 'invalid', error: frameError(message, frame, channel, nativeSymbol) }
}

/**
 * What is wrong with the rows of one frame. The first few are told one by one and the others together, in an error whose
 * `context.count` says how many: a frame of nothing but bad rows must not cost an error, with its stack, for each.
 */
export class RowFaults {
  readonly #errors: TapekeeperError[] = []
  readonly #text: string
  readonly #channel: string
  readonly #nativeSymbol: string | undefined
  #count = 0

  constructor(text: string, channel: string, nativeSymbol?: string) {
    this.#text = text
    this.#channel = channel
    this.#nativeSymbol = nativeSymbol
  }

  add(problem: string): void {
    this.#count++
    if (this.#count <= MOST_ERRORS_PER_FRAME) this.#errors.push(this.#error(problem))
  }

  get errors(): readonly TapekeeperError[] {
    if (this.#count === 0) return NO_ERRORS
    const count = this.#count - MOST_ERRORS_PER_FRAME
    return count <= 0 ? this.#errors : [...this.#errors, this.#error(`${count} more rows cannot be used`, { count })]
  }

  #error(problem: string, more?: Readonly<Record<string, unknown>>): TapekeeperError {
    return frameError(problem, this.#text, this.#channel, this.#nativeSymbol, more)
  }
}
