import { join } from 'node:path'
import { linesOf } from './batch.ts'
import { openOwnFile, systemCodeOf, type Files } from './own-file.ts'
import { PositionFile, type Position } from './position-file.ts'
import { SegmentReader, type Piece } from './segment-reader.ts'

/** Bytes of a segment that are no batch any more. */
export interface Damage {
  readonly path: string
  readonly start: number
  readonly bytes: Buffer
}

export interface BacklogHooks {
  /** Must not reject: damage does not hold up what is behind it. */
  readonly onDamage: (damage: Damage) => Promise<void>
  /** Something on the disk could not be brought up to date, which costs at most that dropped lines come back after a crash. */
  readonly onUntidy: (error: unknown) => void
}

interface Segment {
  readonly number: number
  readonly path: string
  /** End of the last batch that was acknowledged. */
  end: number
  /** Lines that wait in it and have not been loaded. */
  unread: number
}

interface Loaded {
  readonly segment: Segment
  readonly start: number
  readonly lines: readonly string[]
  /** How many of them are dropped. */
  taken: number
  readonly damage: Buffer | undefined
}

const SEGMENT = /^(\d{12,})\.spool$/
const pathOf = (directory: string, number: number): string => join(directory, `${String(number).padStart(12, '0')}.spool`)

/** The lines that wait in a lane's segments, from a position on. */
export class Backlog {
  readonly #files: Files
  readonly #directory: string
  readonly #hooks: BacklogHooks
  readonly #positionFile: PositionFile
  #position: Position = { segment: 0, offset: 0, dropped: 0 }
  /** Oldest first. */
  #segments: Segment[] = []
  /** Drained, and still on the disk. */
  #drained: Segment[] = []
  /** A number is never used twice, so that an old position cannot mean a new segment. */
  #nextNumber = 1
  #lines = 0
  /** From the position on: what has been read of the segments and is not dropped. */
  #loaded: Loaded[] = []
  #reader: SegmentReader | undefined
  /** Where the reader is, or begins. */
  #readingFrom: { readonly segment: Segment; readonly offset: number } | undefined
  #isUntidy = false

  private constructor(files: Files, directory: string, hooks: BacklogHooks, positionFile: PositionFile) {
    this.#files = files
    this.#directory = directory
    this.#hooks = hooks
    this.#positionFile = positionFile
  }

  /** Finds what an earlier process left; an append that it did not finish is cut off. */
  static async load(files: Files, directory: string, hooks: BacklogHooks): Promise<Backlog> {
    const positionFile = await PositionFile.open(files, directory)
    try {
      const backlog = new Backlog(files, directory, hooks, positionFile)
      await backlog.#find()
      return backlog
    } catch (error) {
      await positionFile.close()
      throw error
    }
  }

  get lines(): number {
    return this.#lines
  }

  get bytes(): number {
    return [...this.#drained, ...this.#segments].reduce((sum, { end }) => sum + end, 0)
  }

  /** For the next segment. */
  newPath(): string {
    return pathOf(this.#directory, this.#nextNumber++)
  }

  /** A new segment, made at the path that `newPath` gave. */
  add(path: string): void {
    const segment = { number: this.#nextNumber - 1, path, end: 0, unread: 0 }
    this.#segments.push(segment)
    this.#readingFrom ??= { segment, offset: 0 }
  }

  /** The newest segment got a batch. */
  grow(bytes: number, lines: number): void {
    const segment = this.#segments.at(-1)
    if (segment === undefined) return
    segment.end += bytes
    segment.unread += lines
    this.#lines += lines
  }

  has(path: string): boolean {
    return this.#segments.some((segment) => segment.path === path)
  }

  async read(count: number): Promise<readonly string[]> {
    await this.#load(count)
    if (this.#loaded[0]?.damage !== undefined || (this.#lines === 0 && this.#segments.length > 0)) await this.#settle()
    const lines: string[] = []
    for (const { lines: some, taken } of this.#loaded) {
      if (lines.length >= count) break
      for (const line of some.slice(taken, taken + count - lines.length)) lines.push(line)
    }
    return lines
  }

  async drop(count: number): Promise<void> {
    await this.#load(count)
    // From here on nothing fails: the caller must know whether the lines are still there.
    let left = count
    for (let head: Loaded | undefined; left > 0 && (head = this.#loaded[0]) !== undefined;) {
      const taken = Math.min(left, head.lines.length - head.taken)
      head.taken += taken
      left -= taken
      this.#lines -= taken
      if (head.taken === head.lines.length) await this.#forgetHead()
    }
    await this.#settle()
  }

  async *scan(): AsyncGenerator<readonly string[], undefined> {
    const position = this.#position
    for (const { number, path, end } of this.#segments.map((segment) => ({ ...segment }))) {
      const offset = number === position.segment ? position.offset : 0
      const reader = await this.#openUnlessGone(path, offset)
      if (reader === undefined) continue
      try {
        for (let piece: Piece | undefined; (piece = await reader.next(end)) !== undefined;) {
          if (piece.type === 'batch') yield linesOf(piece.payload).slice(droppedOf(piece, number, position))
        }
      } finally {
        await reader.close()
      }
    }
    return undefined
  }

  async close(): Promise<void> {
    if (this.#isUntidy) await this.#tidy()
    await this.#positionFile.close()
    await this.#reader?.close()
  }

  async #find(): Promise<void> {
    const names = await this.#files.readdir(this.#directory)
    const numbers = names.flatMap((name) => SEGMENT.exec(name)?.[1] ?? []).map(Number)
    numbers.sort((a, b) => a - b)
    const position = await this.#positionFile.read()
    this.#nextNumber = Math.max(position?.segment ?? 0, numbers.at(-1) ?? 0) + 1
    if (position !== undefined) this.#position = position
    for (const number of numbers) await this.#count(number, number === numbers.at(-1))
    const first = this.#segments[0]
    if (first !== undefined && first.number !== this.#position.segment) {
      this.#position = { segment: first.number, offset: 0, dropped: 0 }
    }
    if (first !== undefined) this.#readingFrom = { segment: first, offset: this.#position.offset }
    if (this.#lines === 0) await this.#settle()
    else await this.#tidy()
  }

  /** Reads a segment through, so that its lines are known to be there. */
  async #count(number: number, isLast: boolean): Promise<void> {
    const { segment: from, offset } = this.#position
    const path = pathOf(this.#directory, number)
    const handle = await openOwnFile(this.#files, path, 'write')
    try {
      const segment = { number, path, end: (await handle.stat()).size, unread: 0 }
      if (number < from) {
        this.#drained.push(segment)
        return
      }
      const reader = await SegmentReader.open(this.#files, path, number === from ? offset : 0)
      try {
        for (let piece: Piece | undefined; (piece = await reader.next(segment.end)) !== undefined;) {
          if (piece.type === 'batch') segment.unread += piece.lines - droppedOf(piece, number, this.#position)
          if (piece.type !== 'torn' || !isLast) continue
          await handle.truncate(piece.start)
          await handle.sync()
          segment.end = piece.start
        }
      } finally {
        await reader.close()
      }
      this.#lines += segment.unread
      this.#segments.push(segment)
    } finally {
      await handle.close()
    }
  }

  async #load(count: number): Promise<void> {
    let loaded = this.#loaded.reduce((sum, { lines, taken }) => sum + lines.length - taken, 0)
    while (loaded < count) {
      const next = await this.#loadNext()
      if (next === undefined) return
      loaded += next.lines.length - next.taken
    }
  }

  async #loadNext(): Promise<Loaded | undefined> {
    while (this.#readingFrom !== undefined) {
      const { segment, offset } = this.#readingFrom
      this.#reader ??= await SegmentReader.open(this.#files, segment.path, offset)
      const piece = await this.#reader.next(segment.end)
      if (piece !== undefined) {
        const loaded = loadedFrom(piece, segment, this.#position)
        segment.unread -= loaded.lines.length - loaded.taken
        this.#loaded.push(loaded)
        return loaded
      }
      // What was counted and is not there any more has been damaged since.
      this.#lines -= segment.unread
      segment.unread = 0
      const following = this.#segments[this.#segments.indexOf(segment) + 1]
      if (following === undefined) return undefined
      await this.#closeReader()
      this.#readingFrom = { segment: following, offset: 0 }
    }
    return undefined
  }

  async #forgetHead(): Promise<void> {
    const head = this.#loaded.shift()
    if (head?.damage === undefined) return
    await this.#hooks.onDamage({ path: head.segment.path, start: head.start, bytes: head.damage })
  }

  /** Moves the position to the first line that waits, past damage, and lets go of the segments before it. */
  async #settle(): Promise<void> {
    // Where no lines are left there may be damage. What cannot be read now stays until the next time.
    if (this.#lines === 0) await this.#load(Infinity).catch(() => undefined)
    while (this.#loaded[0]?.damage !== undefined) await this.#forgetHead()
    const head = this.#loaded[0]
    const from = this.#readingFrom
    const isAtEnd =
      from === undefined || (from.segment === this.#segments.at(-1) && (this.#reader?.at ?? from.offset) >= from.segment.end)
    if (head !== undefined) {
      this.#position = { segment: head.segment.number, offset: head.start, dropped: head.taken }
    } else if (isAtEnd) {
      this.#position = { segment: this.#nextNumber, offset: 0, dropped: 0 }
      this.#lines = 0
      this.#readingFrom = undefined
      await this.#closeReader()
    } else {
      this.#position = this.#positionAt(from.segment.number, this.#reader?.at ?? from.offset)
    }
    const drained = this.#segments.filter(({ number }) => number < this.#position.segment)
    this.#drained.push(...drained)
    this.#segments = this.#segments.slice(drained.length)
    await this.#tidy()
  }

  /** Nothing that lies there has been loaded: if it is where the position is already, what was dropped of it stays dropped. */
  #positionAt(segment: number, offset: number): Position {
    const isSame = segment === this.#position.segment && offset === this.#position.offset
    return isSame ? this.#position : { segment, offset, dropped: 0 }
  }

  async #tidy(): Promise<void> {
    const problems: unknown[] = []
    const attempt = (work: Promise<void>) => work.catch((error: unknown) => void problems.push(error))
    await attempt(this.#positionFile.write(this.#position))
    const stay: Segment[] = []
    for (const segment of this.#drained) {
      const before = problems.length
      await attempt(this.#files.unlink(segment.path))
      if (problems.length > before) stay.push(segment)
    }
    this.#drained = stay
    // Once, and not for every drop.
    if (problems.length > 0 && !this.#isUntidy) this.#hooks.onUntidy(problems[0])
    this.#isUntidy = problems.length > 0
  }

  async #closeReader(): Promise<void> {
    const reader = this.#reader
    this.#reader = undefined
    await reader?.close().catch(() => undefined)
  }

  async #openUnlessGone(path: string, offset: number): Promise<SegmentReader | undefined> {
    try {
      return await SegmentReader.open(this.#files, path, offset)
    } catch (error) {
      // Drained meanwhile.
      if (systemCodeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }
}

function loadedFrom(piece: Piece, segment: Segment, position: Position): Loaded {
  const { start } = piece
  if (piece.type !== 'batch') return { segment, start, lines: [], taken: 0, damage: piece.bytes }
  return { segment, start, lines: linesOf(piece.payload), taken: droppedOf(piece, segment.number, position), damage: undefined }
}

function droppedOf(piece: Piece & { readonly type: 'batch' }, segment: number, position: Position): number {
  return segment === position.segment && piece.start === position.offset ? Math.min(position.dropped, piece.lines) : 0
}
