import { messageOf } from '../../errors/tapekeeper-error.ts'
import type { Clock } from '../../ports/clock.ts'
import { AbortListener } from '../../ports/on-abort.ts'

/** What we use of a client of the package `redis`. */
export interface Driver {
  on(event: 'error' | 'end', listener: (error: unknown) => void): unknown
  connect(): Promise<unknown>
  sendCommand(command: readonly string[]): Promise<unknown>
  pSubscribe(patterns: readonly string[], listener: (text: string, channel: string) => void): Promise<unknown>
  destroy(): void
}

/** One connection, from its opening to its loss. Whatever does not answer in time ends it: later answers would be taken for others. */
export class RedisConnection {
  readonly #driver: Driver
  readonly #timeoutMs: number
  readonly #clock: Clock
  readonly #lost = new AbortController()

  constructor(driver: Driver, timeoutMs: number, clock: Clock) {
    this.#driver = driver
    this.#timeoutMs = timeoutMs
    this.#clock = clock
    // Without a listener the driver's errors would end the process.
    driver.on('error', (error) => this.#lose(error))
    driver.on('end', () => this.#lose(new Error('the connection was closed')))
  }

  /** Aborts when the connection is lost or ended; the reason says why. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  open(): Promise<unknown> {
    return this.#within(this.#driver.connect())
  }

  /** @param blockMs how long the server itself may wait before it answers. */
  run(command: readonly string[], blockMs = 0): Promise<unknown> {
    return this.#within(this.#driver.sendCommand(command), blockMs)
  }

  /**
   * Sent together, executed in order, each for itself. `onReply` hears of each answer as it comes, with the error of a refusal.
   *
   * @throws when the connection is lost: what has not been answered by then may have been executed or not.
   */
  async pipeline(
    commands: readonly (readonly string[])[],
    onReply: (index: number, refusal: Error | undefined) => void,
  ): Promise<void> {
    const answers = commands.map((command, index) =>
      this.#driver.sendCommand(command).then(
        () => onReply(index, undefined),
        (error: unknown) => {
          if (!this.lost.aborted) onReply(index, error instanceof Error ? error : new Error(messageOf(error)))
        },
      ),
    )
    await this.#within(Promise.all(answers))
    this.lost.throwIfAborted()
  }

  listen(patterns: readonly string[], listener: (text: string, channel: string) => void): Promise<unknown> {
    return this.#within(this.#driver.pSubscribe(patterns, listener))
  }

  end(): void {
    this.#lose(new Error('the connection was ended'))
  }

  #within(answer: Promise<unknown>, extraMs = 0): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const limitMs = this.#timeoutMs + extraMs
      const cancel = this.#clock.after(limitMs, () => this.#lose(new Error(`no answer within ${limitMs} ms`)))
      const lost = new AbortListener(this.lost, () => {
        cancel()
        reject(this.lost.reason as Error)
      })
      lost.listen()
      answer
        .finally(() => {
          cancel()
          lost.leave()
        })
        .then(resolve, reject)
    })
  }

  #lose(reason: unknown): void {
    if (this.lost.aborted) return
    this.#lost.abort(reason)
    try {
      this.#driver.destroy()
    } catch {
      // It was closed already, which is all we want.
    }
  }
}
