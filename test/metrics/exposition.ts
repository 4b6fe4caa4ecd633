/** One series of the text format, version 0.0.4. */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy

/** Reads what a Prometheus server would read, and throws where it would complain. */
export class Exposition {
  readonly types = new Map<string, string>()
  readonly series: Series[] = []

  constructor(text: string) {
    if (!text.endsWith('\n')) throw new Error('the last line has no end')
    const seen = new Set<string>()
    for (const line of text.split('\n')) {
      const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
      if (name !== undefined && type !== undefined) this.types.set(name, type)
      if (line === '' || line.startsWith('#')) continue
      const series = parse(line)
      const family = series.name.replace(/_(?:bucket|sum|count)$/, '')
      if (!this.types.has(series.name) && this.types.get(family) !== 'histogram') throw new Error(`no TYPE before: ${line}`)
      const key = keyOf(series)
      if (seen.has(key)) throw new Error(`twice: ${line}`)
      seen.add(key)
      this.series.push(series)
    }
  }

  /** The value of the one series with exactly these labels; undefined when there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const key = keyOf({ name, labels, value: 0 })
    return this.series.find((series) => keyOf(series) === key)?.value
  }

  of(name: string): readonly Series[] {
    return this.series.filter((series) => series.name === name)
  }

  sum(name: string): number {
    return this.of(name).reduce((sum, { value }) => sum + value, 0)
  }
}

function parse(line: string): Series {
  const [, name, inner = '', number] = LINE.exec(line) ?? []
  const value = number === '+Inf' ? Infinity : Number(number)
  // Prometheus reads NaN in any spelling; prom-client's own metrics have some that way.
  if (name === undefined || (Number.isNaN(value) && !/^nan$/i.test(number ?? ''))) throw new Error(`cannot be read: ${line}`)
  const labels: Record<string, string> = {}
  let end = 0
  for (const [match, label = '', text = ''] of inner.matchAll(LABEL)) {
    labels[label] = text
    end += match.length
  }
  if (end !== inner.length) throw new Error(`labels cannot be read: ${line}`)
  return { name, labels, value }
}

const keyOf = ({ name, labels }: Series): string => JSON.stringify([name, Object.entries(labels).sort()])
