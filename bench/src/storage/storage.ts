import { setTimeout as sleep } from 'node:timers/promises'
import type * as Tapekeeper from 'tapekeeper'
import { loadTapekeeper, type Built } from '../built.ts'
import { generatedTrades } from '../candles/generated-trades.ts'
import { spread, type Spread } from '../measure.ts'
import { postgres } from './postgres.ts'
import { sqlite } from './sqlite.ts'
import type { BenchRow, OpenStorage, StorageSubject } from './storage-subject.ts'

export interface StoragePlan {
  readonly trades: number
  readonly rounds: number
}

export interface StorageRow {
  readonly name: string
  readonly path: string
  /** Trades per second. */
  readonly driver: Spread
  readonly writer: Spread
  /** The writer's trades per second by the driver's, in the same round. */
  readonly ratio: Spread
}

export interface StorageResult {
  readonly trades: number
  readonly batchRows: number
  readonly rows: readonly StorageRow[]
}

/** What the writer takes at once when enough wait; the driver gets as many. */
const BATCH_ROWS = 5_000
/** A producer that waits while more than this are queued: sustained speed, not the speed of a queue. */
const QUEUED_ROWS = 10_000

type Api = Pick<typeof Tapekeeper, 'StorageWriter' | 'decimalString'>

/**
 * Trades into an empty table, each round once by the driver alone and once through `StorageWriter`, whoever is first taking turns. Time
 * on the clock, until everything is committed: the server's work and the disk's count.
 */
export async function measureStorage(built: Built, plan: StoragePlan, random: () => number): Promise<StorageResult> {
  const api: Api = await loadTapekeeper(built)
  const trades = benchRows(api, plan.trades, random)
  const rows: StorageRow[] = []
  for (const subject of [await sqlite(built), await postgres(built)]) {
    if (subject === undefined) continue
    rows.push(await measureSubject(api, subject, trades, plan.rounds))
    await subject.close()
  }
  return { trades: plan.trades, batchRows: BATCH_ROWS, rows }
}

async function measureSubject(
  api: Api,
  subject: StorageSubject,
  trades: readonly BenchRow[],
  rounds: number,
): Promise<StorageRow> {
  const [driver, writer]: [number[], number[]] = [[], []]
  const measureDriver = async (): Promise<void> =>
    void driver.push(await perSecond(subject, trades, (storage) => byDriver(storage, trades)))
  const measureWriter = async (): Promise<void> =>
    void writer.push(await perSecond(subject, trades, (storage) => byWriter(api, storage, trades)))
  for (let round = -1; round < rounds; round++) {
    const [first, second] = round % 2 === 0 ? [measureDriver, measureWriter] : [measureWriter, measureDriver]
    await first()
    await second()
  }
  // The first round has warmed everything up.
  const [drivers, writers] = [driver.slice(1), writer.slice(1)]
  const ratio = spread(writers.map((value, round) => value / drivers[round]!))
  return { name: subject.name, path: subject.path, driver: spread(drivers), writer: spread(writers), ratio }
}

async function perSecond(
  subject: StorageSubject,
  trades: readonly BenchRow[],
  insertAll: (storage: OpenStorage) => Promise<void>,
): Promise<number> {
  const storage = await subject.open()
  globalThis.gc?.()
  const start = performance.now()
  await insertAll(storage)
  const spentMs = performance.now() - start
  const stored = await storage.count()
  await storage.close()
  if (stored !== trades.length) throw new Error(`${subject.name} has ${stored} of ${trades.length} trades`)
  return (trades.length * 1_000) / spentMs
}

async function byDriver({ insert }: OpenStorage, trades: readonly BenchRow[]): Promise<void> {
  for (let at = 0; at < trades.length; at += BATCH_ROWS) await insert(trades.slice(at, at + BATCH_ROWS))
}

async function byWriter({ StorageWriter }: Api, { repository }: OpenStorage, trades: readonly BenchRow[]): Promise<void> {
  const writer = new StorageWriter({ name: 'bench', repositories: { rawTrades: repository }, maxBatchRows: BATCH_ROWS })
  for (const [index, row] of trades.entries()) {
    writer.write({ kind: 'trade', row })
    // Asleep: a loop that never rests would take the processor from a server on this machine.
    if (index % 1_000 === 0) while (writer.status().queued > QUEUED_ROWS) await sleep(1)
  }
  await writer.close()
}

const benchRows = ({ decimalString }: Api, count: number, random: () => number): BenchRow[] =>
  generatedTrades(count, random).map(({ id, price, size, side, timestamp }) => ({
    exchange: 'okx',
    symbol: 'BTC-USDT',
    dataType: 'trade',
    timestamp,
    receivedAt: timestamp + 30,
    data: { id, price: decimalString(price), size: decimalString(size), side, count: 1, backfilled: false },
  }))
