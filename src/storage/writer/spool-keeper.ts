import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { encodeRecord } from '../record-codec.ts'
import type { SpoolLane } from '../spool.ts'
import type { StorageRecord } from '../storage-record.ts'
import type { Patience } from './patience.ts'
import { Retry } from './retry.ts'

const OPERATIONS = ['open', 'scan', 'append', 'read', 'drop', 'setAside', 'close'] as const
type SpoolOperation = (typeof OPERATIONS)[number]

/** Days of an outage are read for their cursors in less. */
const LONGEST_SCAN_MS = 600_000

interface SpoolKeeperOptions {
  readonly makeLane: () => SpoolLane
  readonly clock: Clock
  readonly random: Random
  readonly patience: Patience
  /** Once for each operation that begins to fail. */
  readonly onError: (error: TapekeeperError) => void
}

/** A lane of the spool behind a fence: what fails says false, is reported once, and is tried again when it is due. */
export class SpoolKeeper {
  /** Lines dropped so far. */
  dropped = 0

  readonly #options: SpoolKeeperOptions
  readonly #retries: Readonly<Record<SpoolOperation, Retry>>
  readonly #problems = new Map<SpoolOperation, string>()
  #lane: SpoolLane | undefined
  #opening: Promise<boolean> | undefined
  #isOpen = false

  constructor(options: SpoolKeeperOptions) {
    this.#options = options
    const retries = OPERATIONS.map((operation) => [operation, new Retry(options.clock, options.random)] as const)
    this.#retries = Object.fromEntries(retries) as Record<SpoolOperation, Retry>
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get lines(): number {
    return this.#isOpen ? (this.#lane?.lines ?? 0) : 0
  }

  get bytes(): number {
    return this.#isOpen ? (this.#lane?.bytes ?? 0) : 0
  }

  /** What fails just now, in words. */
  get problem(): string | undefined {
    const [first] = this.#problems.values()
    return first
  }

  isFailing(...operations: readonly SpoolOperation[]): boolean {
    return operations.some((operation) => this.#problems.has(operation))
  }

  /** An operation that failed has to wait before it is tried again. */
  isDue(...operations: readonly SpoolOperation[]): boolean {
    return operations.every((operation) => this.#retries[operation].isDue)
  }

  retryAt(...operations: readonly SpoolOperation[]): number | undefined {
    const times = operations.map((operation) => this.#retries[operation].at).filter((at) => at !== undefined)
    return times.length === 0 ? undefined : Math.max(...times)
  }

  open(): Promise<boolean> {
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined))
    return this.#opening
  }

  async #open(): Promise<boolean> {
    this.#isOpen ||= await this.#run('open', async () => {
      this.#lane ??= this.#options.makeLane()
      await this.#lane.open()
    })
    return this.#isOpen
  }

  /** Shows every line that waits. */
  async scan(see: (line: string) => void): Promise<boolean> {
    return this.#run(
      'scan',
      async () => {
        for await (const line of this.#lane?.scan() ?? []) see(line)
      },
      LONGEST_SCAN_MS,
    )
  }

  async append(lines: readonly string[]): Promise<boolean> {
    return this.#run('append', async () => this.#lane?.append(lines))
  }

  /** What could not be appended has gone another way: that it failed is no problem any more, and the next failure is news. */
  forgetAppends(): void {
    this.#problems.delete('append')
    this.#retries.append.succeeded()
  }

  /** The oldest lines; undefined when they cannot be read. */
  async read(count: number): Promise<readonly string[] | undefined> {
    let lines: readonly string[] | undefined
    await this.#run('read', async () => {
      const found = (await this.#lane?.read(count)) ?? []
      if (found.length === 0) throw new Error('lines wait, and none can be read')
      lines = found
    })
    return lines
  }

  async drop(count: number): Promise<boolean> {
    const isDone = await this.#run('drop', async () => this.#lane?.drop(count))
    if (isDone) this.dropped += count
    return isDone
  }

  async setAside(lines: readonly string[]): Promise<boolean> {
    return this.#run('setAside', async () => this.#lane?.setAside(lines))
  }

  async setAsideRecord(record: StorageRecord): Promise<boolean> {
    let line: string
    try {
      line = encodeRecord(record)
    } catch {
      // What cannot be written down is no fault of the spool, and has been reported.
      return false
    }
    return this.setAside([line])
  }

  async close(): Promise<void> {
    const lane = this.#lane
    if (!this.#isOpen || lane === undefined) return
    this.#isOpen = false
    await this.#run('close', async () => lane.close())
  }

  async #run(operation: SpoolOperation, call: () => Promise<void>, limitMs?: number): Promise<boolean> {
    try {
      await this.#options.patience.run(call, limitMs)
      this.#problems.delete(operation)
      this.#retries[operation].succeeded()
      return true
    } catch (cause) {
      const error = new TapekeeperError(
        'SPOOL_FAILED',
        `${operation}: ${TapekeeperError.from(cause, 'SPOOL_FAILED').message}`,
        { operation },
        { cause },
      )
      const isNews = !this.#problems.has(operation)
      this.#problems.set(operation, error.message)
      this.#retries[operation].failed()
      if (isNews) this.#options.onError(error)
      return false
    }
  }
}
