import { createHash } from 'node:crypto'
import type { OkxCollector } from 'tapekeeper'

export interface Observation {
  /** Everything the collector delivered, in order, one JSON text each. */
  readonly points: string[]
  /** Its status, subscription, error, restart and gap events, in order. */
  readonly events: string[]
  /** sha256 over both. */
  readonly digest: () => string
}

/** Writes down what a collector says until `stop` is called, in a form that can be compared byte by byte. */
export function observe(collector: OkxCollector): Observation {
  const points: string[] = []
  const events: string[] = []
  for (const dataType of collector.dataTypes) collector.addDataCallback(dataType, (point) => points.push(JSON.stringify(point)))
  collector.on('status', ({ from, to, at }) => events.push(JSON.stringify(['status', from, to, at])))
  collector.on('subscription', ({ topic, status, at }) => events.push(JSON.stringify(['subscription', topic, status, at])))
  collector.on('error', ({ code }) => events.push(JSON.stringify(['error', code])))
  collector.on('restart', ({ trigger, at }) => events.push(JSON.stringify(['restart', trigger, at])))
  for (const name of ['gap', 'book'] as const) collector.on(name, (event: object) => events.push(JSON.stringify([name, event])))
  return {
    points,
    events,
    digest: () => createHash('sha256').update(points.join('\n')).update('\n\n').update(events.join('\n')).digest('hex'),
  }
}
