import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { CollectorManager, createOkxCollector, silentLogger } from 'tapekeeper'
import { createPrometheusMetrics } from 'tapekeeper/prometheus'
import { METRICS } from '../../src/metrics/catalog.ts'
import { DEFAULT_LATENCY_BUCKETS } from '../../src/metrics/latency-histogram.ts'
import { Exposition } from './exposition.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly datasource?: { readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly refId: string; readonly datasource: { readonly uid: string } }[]
}
interface Dashboard {
  readonly __inputs: readonly { readonly name: string; readonly type: string; readonly pluginId: string }[]
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition: string; readonly query: { readonly query: string } }[]
  }
}

const read = (file: string): string => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8')

/** Every name that a query can ask for, from the real output. */
let exposed: ReadonlySet<string>
beforeAll(async () => {
  const manager = new CollectorManager({ logger: silentLogger })
  manager.addCollector(createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], logger: silentLogger }))
  const metrics = createPrometheusMetrics({ manager })
  const { types, series } = new Exposition(await metrics.metrics())
  exposed = new Set([
    ...series.map(({ name }) => name),
    ...[...types].flatMap(([name, type]) => (type === 'histogram' ? [] : [name])),
  ])
  metrics.close()
})

/** The metrics and the labels that a PromQL expression names. */
function namesIn(expr: string): { metrics: string[]; labels: string[] } {
  const labels = [...expr.matchAll(/[{,]\s*(\w+)\s*(?:=|!)/g)].map(([, label]) => label!)
  for (const [, list] of expr.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)) labels.push(...list!.split(/,\s*/))
  const bare = expr.replace(/\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring) \([^)]*\)/g, ' ')
  const words = [...bare.matchAll(/[a-zA-Z_:][\w:]*(?!\w*\s*\()/g)].map(([word]) => word)
  return { metrics: words.filter((word) => !['and', 'or', 'unless', 'bool', 'offset'].includes(word)), labels }
}

const base = (name: string): string => name.replace(/(latency_seconds)_(?:bucket|sum|count)$/, '$1')

function expectKnown(expr: string): void {
  const { metrics, labels } = namesIn(expr)
  expect(metrics.length, expr).toBeGreaterThan(0)
  for (const name of metrics) expect(exposed, expr).toContain(name)
  const known = new Set(['le', ...metrics.flatMap((name) => METRICS.find((row) => row.name === base(name))?.labels ?? [])])
  for (const label of labels) expect(known, expr).toContain(label)
}

test('names are found in PromQL', () => {
  const expr = 'histogram_quantile(0.5, sum by (le, type) (rate(a_bucket{exchange=~"$x", type!="t"}[5m]))) / max(b_2) > 0'
  expect(namesIn(expr)).toEqual({ metrics: ['a_bucket', 'b_2'], labels: ['exchange', 'type', 'le', 'type'] })
})

describe('docs/grafana-dashboard.json', () => {
  const dashboard = JSON.parse(read('grafana-dashboard.json')) as Dashboard
  const { panels, templating } = dashboard
  const targets = panels.flatMap((panel) => panel.targets ?? [])

  test('can be imported: schema, data source as an input, variables', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39)
    expect(dashboard.__inputs).toMatchObject([{ name: 'DS_PROMETHEUS', type: 'datasource', pluginId: 'prometheus' }])
    expect(templating.list.map(({ name }) => name)).toEqual(['exchange', 'symbol'])
    const sources = [...targets, ...panels.filter(({ type }) => type !== 'row')].map(({ datasource }) => datasource?.uid)
    expect([...new Set(sources)]).toEqual(['${DS_PROMETHEUS}'])
    const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title)
    expect(rows).toEqual(['Overview', 'Data', 'Trouble', 'Storage and outputs', 'Process'])
  })

  test('asks only for metrics and labels that exist', () => {
    expect(targets.length).toBeGreaterThan(20)
    for (const { expr } of targets) expectKnown(expr)
    for (const { definition, query } of templating.list) {
      expect(query.query).toBe(definition)
      const [, metric] = /^label_values\((\w+)/.exec(definition) ?? []
      expect(exposed).toContain(metric)
    }
  })

  test('uses every metric there is', () => {
    const used = new Set(targets.flatMap(({ expr }) => namesIn(expr).metrics.map(base)))
    expect([...used].sort()).toEqual(METRICS.map(({ name }) => name).sort())
  })

  test('panels have ids of their own, and places of their own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = new Map<string, string>()
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.get(`${x} ${y}`), title).toBeUndefined()
          cells.set(`${x} ${y}`, title)
        }
    }
    // Nothing floats: each row of the grid is taken.
    const bottom = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h))
    for (let y = 0; y < bottom; y++) expect(cells.has(`0 ${y}`), `line ${y}`).toBe(true)
    for (const { refIds } of panels.map((panel) => ({ refIds: (panel.targets ?? []).map(({ refId }) => refId) })))
      expect(new Set(refIds).size).toBe(refIds.length)
  })
})

describe('docs/monitoring.md', () => {
  const page = read('monitoring.md')

  test('lists every metric with its type and labels, and no other', () => {
    const rows = [...page.matchAll(/^\| `(\w+)`\s*\| (counter|gauge|histogram)\s*\| ([^|]*?)\s*\|/gm)]
    const listed = rows.map(([, name, type, labels]) => ({
      name,
      type,
      labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    }))
    expect(listed).toEqual(METRICS.map(({ name, type, labels }) => ({ name, type, labels })))
  })

  test('gives the buckets as they are', () => {
    expect(page).toContain(DEFAULT_LATENCY_BUCKETS.join(', '))
  })

  test('its alerts ask only for what exists', () => {
    const exprs = [...page.matchAll(/^ +expr: (.*)$/gm)].map(([, expr]) => expr!)
    expect(exprs.length).toBeGreaterThanOrEqual(3)
    for (const expr of exprs) expectKnown(expr)
  })
})
