import { LATENCY } from './catalog.ts'

/** Upper bounds in seconds. Exchanges stamp in whole milliseconds, so there is nothing to see below one. */
export const DEFAULT_LATENCY_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

/** The counts of one label pair. Bare numbers, touched for every point. */
export class LatencyCell {
  /** Per bucket, not yet cumulative; the last one is `+Inf`. */
  readonly counts: Float64Array
  /** Whole milliseconds add up without the rounding that seconds would gather. */
  sumMs = 0
  readonly #bounds: Float64Array

  constructor(
    readonly exchange: string,
    readonly type: string,
    bounds: Float64Array,
  ) {
    this.#bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(ms: number): void {
    const bounds = this.#bounds
    // Seconds, because bounds times 1,000 would not be exact: 0.57 is not 570.
    const seconds = ms > 0 ? ms / 1_000 : 0
    let bucket = 0
    while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket++
    ;(this.counts[bucket] as number)++
    if (ms > 0) this.sumMs += ms
  }
}

interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/**
 * A histogram with the interface that a prom-client registry reads. prom-client's own looks up its labels by a string it builds for
 * each observation, which costs several times as much as everything else that is done for a point.
 */
export class LatencyHistogram {
  readonly name: string
  readonly help = LATENCY.help
  readonly type = LATENCY.type
  readonly aggregator = 'sum'
  readonly #bounds: Float64Array
  readonly #cells = new Map<string, LatencyCell>()

  constructor(prefix: string, buckets: readonly number[]) {
    this.name = `${prefix}${LATENCY.name}`
    this.#bounds = Float64Array.from(buckets)
  }

  /** The same cell for the same labels, whoever asks: collectors of one exchange add up. */
  cell(exchange: string, type: string): LatencyCell {
    const key = JSON.stringify([exchange, type])
    const known = this.#cells.get(key)
    if (known !== undefined) return known
    const cell = new LatencyCell(exchange, type, this.#bounds)
    this.#cells.set(key, cell)
    return cell
  }

  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Sample[] }> {
    const { name, help, type, aggregator } = this
    const values = [...this.#cells.values()].flatMap((cell) => this.#samples(cell))
    return Promise.resolve({ name, help, type, aggregator, values })
  }

  /** `registry.resetMetrics()`. */
  reset(): void {
    for (const cell of this.#cells.values()) {
      cell.counts.fill(0)
      cell.sumMs = 0
    }
  }

  #samples({ exchange, type, counts, sumMs }: LatencyCell): Sample[] {
    const labels = { exchange, type }
    const samples: Sample[] = []
    let count = 0
    for (const [index, inBucket] of counts.entries()) {
      count += inBucket
      const le = this.#bounds[index] ?? '+Inf'
      samples.push({ metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: count })
    }
    samples.push({ metricName: `${this.name}_sum`, labels, value: sumMs / 1_000 })
    samples.push({ metricName: `${this.name}_count`, labels, value: count })
    return samples
  }
}
