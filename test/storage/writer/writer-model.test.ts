import { describe, expect, test } from 'vitest'
import { StorageWriter } from '../../../src/storage/writer/storage-writer.ts'
import type { StorageRecord } from '../../../src/storage/storage-record.ts'
import { gapKey } from '../../../src/domain/stored-gaps.ts'
import { decodeRecord } from '../../../src/storage/record-codec.ts'
import type { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { eachSeed } from '../../support/runs.ts'
import { candle, gapOf, HostileDatabase, HostileSpool, Life, trade, type DatabaseMood } from './hostile-world.ts'

const LANE = 'model'
const STREAM = 'okx trades BTC-USDT'
const MAX_QUEUED = 60
const TABLES = ['trades', 'candles', 'frames', 'cursors', 'gaps']
const FAULTS = ['away', 'unknown', 'bare'] as const
const MOODS: readonly DatabaseMood[] = ['up', 'up', 'up', 'down', 'down', 'limbo', 'flaky', 'flaky', 'hanging']

interface Row {
  readonly record: StorageRecord
  readonly isPoison: boolean
  /** Told to the user, and the reason. */
  lost: string | undefined
  /** It was in a memory that is gone. */
  isForgotten: boolean
}

const nameOf = (record: StorageRecord): string => {
  if (record.kind === 'trade') return `trade ${record.row.data.id}`
  if (record.kind === 'candle') return `candle ${record.row.openTime}/${record.row.volume.toFixed()}`
  if (record.kind === 'gap') return `${record.row.filled ? 'filled' : 'open'} gap ${record.row.fromId}`
  return record.kind === 'frame' ? `frame ${record.row.id}` : `cursor ${record.row.cursor.id}`
}

async function run(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const clock = createVirtualClock()
  const database = new HostileDatabase({ clock, random })
  const disk = new HostileSpool({ clock, random })
  const hasSpool = random() < 0.75
  const chance = (share: number): boolean => random() < share
  const upTo = (bound: number): number => Math.floor(random() * bound)
  const rows = new Map<string, Row>()
  const trades: Row[] = []
  /** Gaps that were declared, each with the number of trades before it. */
  const gaps: { readonly row: Row; readonly place: number; isFilled: boolean }[] = []
  const errors: TapekeeperError[] = []
  let life = new Life()
  let writer = start()
  let revision = 0
  let saves: Promise<unknown>[] = []

  function start(): StorageWriter {
    life = new Life()
    const repository = database.repository(life)
    return new StorageWriter({
      name: LANE,
      repositories: { rawTrades: repository, marketData: repository },
      spool: hasSpool ? disk.spool(life) : undefined,
      clock: life.clock(clock),
      random,
      batchRows: 10,
      maxBatchRows: 25,
      maxDelayMs: 50,
      maxQueuedRows: MAX_QUEUED,
      operationTimeoutMs: 2_000,
      onError: (error) => void errors.push(error),
      onLost: (records, reason) => {
        for (const record of records) {
          const row = rows.get(nameOf(record))
          // A poisonous row may be found twice: before a crash, and in the spool after it.
          if (row !== undefined) row.lost = reason
        }
      },
    })
  }

  const isStored = ({ record }: Row): boolean => {
    if (record.kind === 'trade') return database.trades.has(record.row.data.id)
    if (record.kind === 'frame') return database.frames.has(record.row.id)
    if (record.kind === 'gap') {
      const stored = database.gaps.get(gapKey(record.row))
      return stored !== undefined && (stored.filled || !record.row.filled)
    }
    return record.kind === 'candle' && database.revisions.has(`${record.row.openTime}/${record.row.volume.toFixed()}`)
  }
  /** A candle that waits gives way to a revision of it. */
  const isSuperseded = ({ record }: Row, isSettled: (row: Row) => boolean): boolean => {
    if (record.kind !== 'candle') return false
    const { openTime, volume } = record.row
    return [...rows.values()].some((other) => {
      if (other.record.kind !== 'candle' || other.record.row.openTime !== openTime) return false
      return other.record.row.volume.gt(volume) && isSettled(other)
    })
  }
  const namesInSpool = (): ReadonlySet<string> => new Set(disk.contents(LANE).lines.map((line) => nameOf(decodeRecord(line))))

  function write(record: StorageRecord, isPoison: boolean): void {
    const row: Row = { record, isPoison, lost: undefined, isForgotten: false }
    rows.set(nameOf(record), row)
    if (record.kind === 'trade') trades.push(row)
    writer.write(record)
    expect(writer.status().queued, 'the bound of the memory, and a cursor').toBeLessThanOrEqual(MAX_QUEUED + 1)
  }

  function writeSome(): void {
    const share = random()
    if (share < 0.75) {
      const kind = chance(0.03) ? (chance(0.5) ? 'poison-row ' : 'poison-bare ') : ''
      write({ kind: 'trade', row: trade(`${kind}${trades.length}`) }, kind !== '')
    } else if (share < 0.92) {
      const isPoison = chance(0.05)
      const row = candle(upTo(4) * 60_000, ++revision)
      write({ kind: 'candle', row: isPoison ? { ...row, incompleteReason: 'poison-row' } : row }, isPoison)
    } else write({ kind: 'frame', row: { ...trade(''), id: `f${rows.size}`, topic: 'trades', text: '{}' } }, false)
  }

  function saveGap(filled: boolean): void {
    const id = `gap ${gaps.length}`
    const gap = filled ? gaps.find(({ isFilled }) => !isFilled) : undefined
    if (filled && gap === undefined) return
    const record = {
      kind: 'gap',
      row: gapOf(gap === undefined ? id : gap.row.record.kind === 'gap' ? (gap.row.record.row.fromId ?? '') : '', filled),
    } as const
    if (gap !== undefined) {
      gap.isFilled = true
      write({ kind: 'trade', row: trade(record.row.fromId ?? '') }, false)
    }
    const row: Row = { record, isPoison: false, lost: undefined, isForgotten: false }
    rows.set(nameOf(record), row)
    if (gap === undefined) gaps.push({ row, place: trades.length, isFilled: false })
    const whose = life
    saves.push(
      writer.saveGaps([record.row]).then(
        () => {
          if (whose.isOver) return
          expect(isSafe(row) || namesInSpool().has(nameOf(record)), `${nameOf(record)} was acknowledged and is nowhere`).toBe(
            true,
          )
        },
        () => (row.lost = 'told'),
      ),
    )
  }

  function saveCursor(): void {
    if (trades.length === 0) return
    // A frame cannot be had again, wherever the cursor is: none is waited for.
    const before = [...rows.values()].filter(({ record }) => record.kind !== 'frame')
    const saved = writer.saveCursor(STREAM, { id: String(trades.length - 1), timestamp: trades.length })
    const whose = life
    saves.push(
      saved.then(
        () => {
          if (whose.isOver) return
          const spooled = namesInSpool()
          const isSettled = (row: Row): boolean =>
            isStored(row) || row.lost !== undefined || row.isForgotten || spooled.has(nameOf(row.record))
          const missing = before.filter((row) => !isSettled(row) && !isSuperseded(row, isSettled))
          expect(missing, 'a cursor was acknowledged before these').toEqual([])
        },
        () => undefined,
      ),
    )
  }

  // Noted, and not thrown: the writer would take it for a fault of the repository.
  const violations: string[] = []
  const isSafe = (row: Row): boolean => isStored(row) || row.lost !== undefined || row.isForgotten

  database.onCursor = (stream, { id }) => {
    expect(stream).toBe(STREAM)
    for (const row of trades.slice(0, Number(id) + 1))
      if (!isSafe(row)) violations.push(`the cursor ${id} runs ahead of ${nameOf(row.record)}`)
    for (const { row, place } of gaps)
      if (place <= Number(id) && !isSafe(row)) violations.push(`the cursor ${id} has passed ${nameOf(row.record)}`)
  }
  database.onGap = (gap) => {
    const found = rows.get(`trade ${gap.fromId}`)
    if (gap.filled && found !== undefined && !isSafe(found)) violations.push(`${gap.fromId} counts as filled`)
  }

  async function kill(): Promise<void> {
    life.isOver = true
    // What is under way arrives, or does not.
    await clock.advance(2_500)
    saves = []
    const spooled = namesInSpool()
    for (const row of rows.values()) {
      if (!isStored(row) && row.lost === undefined && !spooled.has(nameOf(row.record))) row.isForgotten = true
    }
    writer = start()
  }

  async function flushImpatiently(): Promise<void> {
    const patience = new AbortController()
    let ended = 0
    void writer.flush(patience.signal).then(() => ended++)
    await clock.advance(upTo(3_000))
    if (ended > 0) return
    patience.abort()
    await clock.advance(5_000)
    expect(ended, 'an aborted flush ends').toBe(1)
  }

  for (let step = 0; step < 80; step++) {
    for (let i = upTo(12); i > 0; i--) writeSome()
    if (chance(0.1)) saveGap(chance(0.5))
    if (chance(0.3)) saveCursor()
    if (chance(0.12)) database.mood = MOODS[upTo(MOODS.length)]!
    if (chance(0.1))
      database.broken = chance(0.6) ? undefined : { table: TABLES[upTo(TABLES.length)]!, fault: FAULTS[upTo(FAULTS.length)]! }
    if (chance(0.1)) clock.stepWall(upTo(7_200_000) - 3_600_000)
    if (chance(0.1)) database.maxLatencyMs = chance(0.5) ? 0 : upTo(300)
    if (chance(0.1)) disk.isFull = chance(0.3)
    if (chance(0.1)) disk.isBroken = chance(0.3)
    if (chance(0.1)) disk.maxLatencyMs = chance(0.5) ? 0 : upTo(100)
    // A spool with old candles that opens late would bring them behind newer ones.
    disk.cannotOpen = disk.contents(LANE).lines.length === 0 && chance(0.2)
    if (chance(0.03)) await kill()
    else if (chance(0.04)) await flushImpatiently()
    else await clock.advance(upTo(120))
  }

  database.mood = 'up'
  database.broken = undefined
  disk.isFull = disk.isBroken = disk.cannotOpen = false
  let closed = 0
  // Undecided rows want others of their kind to be compared with.
  for (let i = 0; i < 3; i++) {
    write({ kind: 'trade', row: trade(String(trades.length)) }, false)
    await clock.advance(70_000)
  }
  const closing = writer.close().then(() => closed++)
  for (let i = 0; i < 50 && closed === 0; i++) await clock.advance(5_000)
  expect(closed, 'closes').toBe(1)
  await closing
  await Promise.all(saves)

  expect(violations).toEqual([])
  expect(disk.contents(LANE).lines, 'the spool is empty').toEqual([])
  expect(writer.status()).toMatchObject({ state: 'closed', queued: 0, spooled: 0 })
  const isSettled = (row: Row): boolean => isStored(row) || row.lost !== undefined || row.isForgotten
  const silent = [...rows.values()].filter((row) => !isSettled(row) && !isSuperseded(row, isSettled))
  expect(
    silent.map(({ record }) => nameOf(record)),
    'neither stored nor reported',
  ).toEqual([])
  for (const row of rows.values()) if (row.isPoison) expect(isStored(row)).toBe(false)
  for (const openTime of database.candles.keys()) {
    const known = [...database.revisions]
      .filter((name) => name.startsWith(`${openTime}/`))
      .map((name) => Number(name.split('/')[1]))
    expect(database.candles.get(openTime)?.volume.toNumber(), 'the last revision wins').toBe(Math.max(...known))
  }
  for (const error of errors) {
    expect(['DATABASE_FAILED', 'SPOOL_FAILED', 'ROW_REJECTED', 'STORAGE_OVERFLOW', 'CURSOR_FAILED']).toContain(error.code)
  }
  expect(life.timers, 'no timer is left').toBe(0)
}

describe('a writer between a hostile database and a hostile disk', () => {
  test('nothing is lost in silence, nothing is doubled, the last revision wins', () => eachSeed({ quick: 60, deep: 200 }, run))
})
