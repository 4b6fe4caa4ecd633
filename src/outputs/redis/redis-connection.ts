import type { Clock } from '../../ports/clock.ts'
import { AbortListener } from '../../ports/on-abort.ts'

/** What we use of a client of the package `redis`. */
export interface Driver {
  on(event: 'error' | 'end', listener: (error: unknown) => void): unknown
  connect(): Promise<unknown>
  sendCommand(command: readonly string[]): Promise<unknown>
  multi(): Transaction
  pSubscribe(patterns: readonly string[], listener: (text: string, channel: string) => void): Promise<unknown>
  destroy(): void
}

interface Transaction {
  addCommand(command: readonly string[]): unknown
  exec(): Promise<unknown>
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

  /** All or nothing: what is cut off before its end is not executed. */
  transaction(commands: readonly (readonly string[])[]): Promise<unknown> {
    const multi = this.#driver.multi()
    for (const command of commands) multi.addCommand(command)
    return this.#within(multi.exec())
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
