import { join } from 'node:path'
import { TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { Logger } from '../ports/logger.ts'
import type { SpoolLane } from '../storage/spool.ts'
import { Backlog, type Damage } from './backlog.ts'
import { encodeBatch } from './batch.ts'
import { takeLane } from './lane-lock.ts'
import { ownDirectory, type Files } from './own-file.ts'
import { SegmentWriter } from './segment-writer.ts'
import { SET_ASIDE_FILE, setLinesAside } from './set-aside.ts'
import { spoolFailure } from './spool-failure.ts'
import { Turns } from './turns.ts'

export interface FileLaneOptions {
  readonly maxBytes: number
  readonly segmentBytes: number
  readonly fsync: boolean
  readonly logger: Logger
}

/** What there is while a lane is open. */
interface OpenLane {
  readonly directory: string
  readonly backlog: Backlog
  readonly giveBack: () => Promise<void>
}

/** One queue of lines in a directory of its own. */
export class FileLane implements SpoolLane {
  readonly #files: Files
  readonly #parent: string
  readonly #name: string
  readonly #options: FileLaneOptions
  readonly #turns = new Turns()
  readonly #scans = new Set<AsyncGenerator<readonly string[], undefined>>()
  #open: OpenLane | undefined
  #writer: SegmentWriter | undefined
  #isClosed = false

  /** @param name of the directory in `parent`. */
  constructor(files: Files, parent: string, name: string, options: FileLaneOptions) {
    this.#files = files
    this.#parent = parent
    this.#name = name
    this.#options = options
  }

  get lines(): number {
    return this.#open?.backlog.lines ?? 0
  }

  get bytes(): number {
    return this.#open?.backlog.bytes ?? 0
  }

  open(): Promise<void> {
    return this.#turn('open', async () => {
      if (this.#isClosed) throw new Error('it was closed before')
      this.#open ??= await this.#acquire()
    })
  }

  append(lines: readonly string[]): Promise<void> {
    return this.#opened('append', async ({ backlog, directory }) => {
      if (lines.length === 0) return
      const { maxBytes, segmentBytes } = this.#options
      const batch = encodeBatch(lines)
      if (backlog.bytes + batch.length > maxBytes) {
        throw new TapekeeperError(
          'SPOOL_FAILED',
          `spool ${directory} is full: ${backlog.bytes} bytes are waiting, ${batch.length} more would exceed maxBytes (${maxBytes})`,
          { directory, doing: 'append', maxBytes, bytes: backlog.bytes },
        )
      }
      if (this.#writer !== undefined && this.#writer.end > 0 && this.#writer.end + batch.length > segmentBytes) {
        await this.#writer.cleanUp()
        await this.#retire()
      }
      const writer = (this.#writer ??= await this.#newSegment(backlog))
      await writer.append(batch)
      backlog.grow(batch.length, lines.length)
    })
  }

  read(count: number): Promise<readonly string[]> {
    return this.#opened('read', async ({ backlog }) => {
      const lines = await backlog.read(count)
      await this.#letGo(backlog)
      return lines
    })
  }

  drop(count: number): Promise<void> {
    return this.#opened('drop', async ({ backlog }) => {
      await backlog.drop(count)
      await this.#letGo(backlog)
    })
  }

  async *scan(): AsyncGenerator<string> {
    const batches = await this.#opened('scan', ({ backlog }) => Promise.resolve(backlog.scan()))
    this.#scans.add(batches)
    try {
      for (;;) {
        const batch = await this.#opened('scan', () => batches.next())
        if (batch.done === true) return
        yield* batch.value
      }
    } finally {
      this.#scans.delete(batches)
      await this.#turns.run(() => batches.return(undefined))
    }
  }

  setAside(lines: readonly string[]): Promise<void> {
    return this.#opened('setAside', ({ directory }) => setLinesAside(this.#files, directory, lines, this.#options))
  }

  close(): Promise<void> {
    return this.#turn('close', async () => {
      this.#isClosed = true
      const open = this.#open
      if (open === undefined) return
      this.#open = undefined
      // Everything is let go of, also when something cannot be closed in order.
      const closings = [() => this.#retire(), () => open.backlog.close(), open.giveBack]
      for (const scan of this.#scans) closings.unshift(() => scan.return(undefined).then(() => undefined))
      const problems: unknown[] = []
      for (const close of closings) await close().catch((error: unknown) => void problems.push(error))
      if (problems.length > 0) throw spoolFailure(open.directory, 'close', problems[0])
    })
  }

  async #acquire(): Promise<OpenLane> {
    const directory = await ownDirectory(this.#files, this.#parent, this.#name)
    const giveBack = await takeLane(this.#files, directory)
    try {
      const backlog = await Backlog.load(this.#files, directory, {
        onDamage: (damage) => this.#bury(directory, damage),
        onUntidy: (error) => {
          const { message } = spoolFailure(directory, 'bring the disk up to date', error)
          this.#options.logger.warn(`${message}; dropped lines may come back after a crash`, { directory })
        },
      })
      return { directory, backlog, giveBack }
    } catch (error) {
      await giveBack()
      throw error
    }
  }

  async #newSegment(backlog: Backlog): Promise<SegmentWriter> {
    const path = backlog.newPath()
    const writer = await SegmentWriter.create(this.#files, path, this.#options.fsync)
    backlog.add(path)
    return writer
  }

  /** What is left of a damaged batch is kept for people; what is behind it goes on. */
  async #bury(directory: string, { path, start, bytes }: Damage): Promise<void> {
    const text = JSON.stringify({ damaged: { file: path, offset: start, bytes: bytes.length }, text: bytes.toString() })
    let fate = `what is left of them is in ${SET_ASIDE_FILE}`
    try {
      await setLinesAside(this.#files, directory, [text], this.#options)
    } catch (error) {
      fate = `and they could not be set aside: ${spoolFailure(directory, 'setAside', error).message}`
    }
    this.#options.logger.error(`spool ${path}: ${bytes.length} bytes from ${start} on are damaged and left out; ${fate}`, {
      directory,
      offset: start,
      bytes: bytes.length,
    })
  }

  /** After a drain: the segment that was being written may be gone. */
  async #letGo(backlog: Backlog): Promise<void> {
    if (this.#writer === undefined || backlog.has(this.#writer.path)) return
    // Nobody misses what a file that is gone has to say.
    await this.#retire().catch(() => undefined)
  }

  async #retire(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    await writer?.close()
  }

  #opened<T>(doing: string, task: (open: OpenLane) => Promise<T>): Promise<T> {
    return this.#turn(doing, () => {
      if (this.#open === undefined) throw new Error(this.#isClosed ? 'it is closed' : 'it is not open')
      return task(this.#open)
    })
  }

  #turn<T>(doing: string, task: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      try {
        return await task()
      } catch (error) {
        throw spoolFailure(join(this.#parent, this.#name), doing, error)
      }
    })
  }
}
