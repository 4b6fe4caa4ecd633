import type { Gauge } from 'prom-client'
import type { GaugeKey } from './catalog.ts'
import type { GaugeFact } from './fact.ts'

interface Folded {
  readonly labels: Readonly<Record<string, string>>
  value: number
}

/** Gathers what the collectors say in one scrape, and writes it into the gauges. */
export class GaugeFold {
  readonly #values = new Map<GaugeKey, Map<string, Folded>>()

  add({ gauge, labels, value, fold }: GaugeFact): void {
    // A collector of the host's may report what it likes; prom-client would throw, and take the whole scrape with it.
    if (!Number.isFinite(value)) return
    const series = this.#values.get(gauge) ?? new Map<string, Folded>()
    this.#values.set(gauge, series)
    const key = JSON.stringify(labels)
    const folded = series.get(key)
    if (folded === undefined) series.set(key, { labels, value })
    else folded.value = fold === 'sum' ? folded.value + value : Math.max(folded.value, value)
  }

  /** Replaces what the gauges said before. */
  write(gauges: Readonly<Record<GaugeKey, Gauge>>): void {
    for (const [key, gauge] of Object.entries(gauges) as [GaugeKey, Gauge][]) {
      gauge.reset()
      for (const { labels, value } of this.#values.get(key)?.values() ?? []) gauge.set(labels, value)
    }
  }
}
