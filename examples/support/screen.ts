/** The part of a terminal this needs, so that anything with `write` will do. */
interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** How often a terminal is repainted, and how often a log gets a line. Milliseconds. */
const REPAINT_MS = 250
const LOG_LINE_MS = 2_000

/**
 * News scroll by, and a live view is redrawn in place below them. Where output is no terminal (a pipe, a CI log) nothing can be
 * redrawn: the view's last lines are printed now and then instead.
 */
export class Screen {
  readonly isLive: boolean
  readonly repaintMs: number
  readonly #out: Terminal
  #viewHeight = 0

  constructor(out: Terminal = process.stdout, isLive = out.isTTY === true && process.env.CI === undefined) {
    this.#out = out
    this.isLive = isLive
    this.repaintMs = isLive ? REPAINT_MS : LOG_LINE_MS
  }

  /** One line that stays. */
  news(line: string): void {
    this.#erase()
    this.#out.write(`${line}\n`)
  }

  /** The view, in place of the one before. */
  show(lines: readonly string[]): void {
    this.#erase()
    for (const line of lines) this.#out.write(`${this.isLive ? this.#fit(line) : line}\n`)
    if (this.isLive) this.#viewHeight = lines.length
  }

  /** Leaves the last view where it is. */
  end(): void {
    this.#viewHeight = 0
  }

  #erase(): void {
    if (this.#viewHeight > 0) this.#out.write(`\x1b[${this.#viewHeight}A\x1b[0J`)
    this.#viewHeight = 0
  }

  /** A line that wraps would count as two and spoil the next erasing. */
  #fit(line: string): string {
    return line.slice(0, this.#out.columns || 80) // some terminals say 0
  }
}

/** Columns as wide as their widest cell; columns of numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const columns = head.map((title, i) => {
    const cells = rows.map((row) => row[i] ?? '')
    const isNumeric = cells.every((cell) => /^(?:[\d.]+|-)$/.test(cell))
    return { isNumeric, width: Math.max(...[title, ...cells].map(({ length }) => length)) }
  })
  const line = (cells: readonly string[]): string =>
    columns.map(({ isNumeric, width }, i) => (isNumeric ? cells[i]?.padStart(width) : cells[i]?.padEnd(width))).join('  ')
  return [head, ...rows].map(line)
}
