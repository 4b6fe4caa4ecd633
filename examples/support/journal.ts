import { open, readFile, type FileHandle } from 'node:fs/promises'

const LINE_BREAK = 10

/** A file of JSON lines that only grows. What `append` has resolved for is on the disk; a line that a crash has torn is forgotten. */
export class Journal {
  readonly #path: string
  #file: FileHandle | undefined
  #length = 0
  /** Something may lie behind the last whole line. */
  #isTorn = false

  constructor(path: string) {
    this.#path = path
  }

  get bytes(): number {
    return this.#length
  }

  /** All lines there are. */
  async open(): Promise<readonly unknown[]> {
    this.#file ??= await open(this.#path, 'a+', 0o600)
    const content = await readFile(this.#path)
    this.#length = content.lastIndexOf(LINE_BREAK) + 1
    this.#isTorn = content.length > this.#length
    const lines = content.subarray(0, this.#length).toString('utf8').split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as unknown)
  }

  async append(value: unknown): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(value)}\n`)
    if (this.#isTorn) await this.#file?.truncate(this.#length)
    this.#isTorn = true
    await this.#file?.appendFile(line)
    await this.#file?.datasync()
    this.#isTorn = false
    this.#length += line.length
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}
