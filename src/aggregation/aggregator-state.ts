import { Decimal } from '../domain/decimal.ts'
import { configError } from '../errors/config-problems.ts'
import type { AggregatorSnapshot } from './aggregator-snapshot.ts'
import { barFromSnapshot, barToSnapshot } from './bar-snapshot.ts'
import type { Level } from './level.ts'

type LevelSnapshot = AggregatorSnapshot['levels'][number]
type Rest = Omit<AggregatorSnapshot, 'version' | 'levels' | 'now' | 'closedTo' | 'horizon' | 'latest'> & {
  readonly [K in 'now' | 'closedTo' | 'horizon' | 'latest']: number
}

/** @param closedFrom closed bars that end at this or before are left out. */
export function snapshotOf(levels: readonly Level[], closedFrom: number, rest: Rest): AggregatorSnapshot {
  return {
    ...rest,
    version: 1,
    now: finite(rest.now),
    closedTo: finite(rest.closedTo),
    horizon: finite(rest.horizon),
    latest: finite(rest.latest),
    levels: levels.map((level) => levelToSnapshot(level, closedFrom)),
  }
}

function levelToSnapshot(level: Level, closedFrom: number): LevelSnapshot {
  const closed = [...level.closedTimes(closedFrom, Infinity)]
  return {
    timeframe: level.name.timeframe,
    closedTo: finite(level.closedTo),
    seriesStart: finite(level.seriesStart),
    seriesNext: finite(level.seriesNext),
    droppedClose: level.closeBefore(closed[0] ?? Infinity)?.toString() ?? null,
    bars: [...closed.map((openTime) => barToSnapshot(level.closedAt(openTime))), ...level.openBars.map(barToSnapshot)],
  }
}

type Wanted = Pick<AggregatorSnapshot, 'exchange' | 'symbol' | 'completeSeries'>

/** @throws TapekeeperError `CONFIG_INVALID` when the snapshot is of something else. */
export function restoreLevels(levels: readonly Level[], snapshot: AggregatorSnapshot, wanted: Wanted): void {
  assertSame(snapshot.exchange, wanted.exchange, 'exchange')
  assertSame(snapshot.symbol, wanted.symbol, 'symbol')
  assertSame(String(snapshot.completeSeries), String(wanted.completeSeries), 'completeSeries')
  const names = (of: readonly { timeframe: string }[]): string => of.map(({ timeframe }) => timeframe).join(' ')
  assertSame(names(snapshot.levels), names(levels.map(({ name }) => name)), 'timeframes')
  levels.forEach((level, i) => {
    const from = snapshot.levels[i]
    if (from === undefined) return
    for (const bar of from.bars) level.restore(barFromSnapshot(bar, level.lengthMs))
    level.closedTo = from.closedTo ?? -Infinity
    level.seriesStart = from.seriesStart ?? NaN
    level.seriesNext = from.seriesNext ?? NaN
    level.droppedClose = from.droppedClose === null ? undefined : new Decimal(from.droppedClose)
    level.schedule()
  })
}

function assertSame(found: string, wanted: string, what: string): void {
  if (found === wanted) return
  const message = `snapshot.${what} is ${JSON.stringify(found)}, but the aggregator's is ${JSON.stringify(wanted)}`
  throw configError('candle aggregator', [{ path: `snapshot.${what}`, message, allowed: undefined, nearest: undefined }])
}

const finite = (time: number): number | null => (Number.isFinite(time) ? time : null)
