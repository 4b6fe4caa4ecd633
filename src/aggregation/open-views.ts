import type { Bar } from './bar.ts'
import type { Level } from './level.ts'

/**
 * The open buckets of a level that were touched from `from` to `to`, in order of time. A level knows only what has closed below it, so
 * that the open bars of all levels it is folded from are added. Each is put into `view`, one after the other.
 */
export function* openViews(level: Level, from: number, to: number, view: Bar): Generator<Bar, void, undefined> {
  const sources = [...chainOf(level)].flatMap((source) => source.openBars)
  const touched = sources.filter((bar) => bar.openTime <= to && bar.closeTime > from)
  const openTimes = new Set(touched.map((bar) => level.bucketOf(bar.openTime)))
  for (const openTime of [...openTimes].sort((a, b) => a - b)) {
    view.reset(openTime, openTime + level.lengthMs)
    for (const bar of sources) if (bar.openTime >= openTime && bar.openTime < view.closeTime) view.merge(bar)
    yield view
  }
}

function* chainOf(level: Level): Generator<Level, void, undefined> {
  for (let source: Level | undefined = level; source !== undefined; source = source.source) yield source
}
