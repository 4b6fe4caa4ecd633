import { decimal } from '../../../src/domain/decimal.ts'
import type { Gap } from '../../../src/domain/gap.ts'
import type { OhlcvData, PointOf } from '../../../src/domain/market-data.ts'
import { decideGap, gapKey } from '../../../src/domain/stored-gaps.ts'
import { DatabaseOperationError, type DatabaseFault } from '../../../src/errors/database-operation-error.ts'
import { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import type { TapeCursor } from '../../../src/ports/cursor-store.ts'
import type { Random } from '../../../src/ports/random.ts'
import { decideCandle } from '../../../src/storage/decide-candle.ts'
import type { MarketDataRepository, RawTradeRepository, StoredFrame, WriteResult } from '../../../src/storage/repository.ts'
import type { Spool, SpoolLane } from '../../../src/storage/spool.ts'
import { asDecimal } from '../../support/decimals.ts'

export const trade = (id: string, symbol = 'BTC-USDT'): PointOf<'trade'> => ({
  exchange: 'okx',
  symbol,
  dataType: 'trade',
  timestamp: 1_700_000_000_000,
  receivedAt: 1_700_000_000_001,
  data: { id, price: asDecimal('1.000000000000000001'), size: asDecimal('2'), side: 'buy', backfilled: false },
})

export const gapOf = (id: string, filled = false): Gap => ({
  exchange: 'okx',
  symbol: 'BTC-USDT',
  stream: 'okx trades BTC-USDT',
  fromId: id,
  toId: id,
  fromTime: 1_700_000_000_000,
  toTime: 1_700_000_000_001,
  missing: 1,
  reason: 'rest-failed',
  filled,
  trades: filled ? [trade(id)] : undefined,
  at: 1_700_000_000_002,
})

export const candle = (openTime: number, revision: number): OhlcvData => ({
  exchange: 'okx',
  symbol: 'BTC-USDT',
  timeframe: '1m',
  openTime,
  closeTime: openTime + 60_000,
  open: decimal(asDecimal('1')),
  high: decimal(asDecimal('1')),
  low: decimal(asDecimal('1')),
  close: decimal(asDecimal('1')),
  volume: decimal(asDecimal(String(revision))),
  quoteVolume: undefined,
  takerBuyVolume: undefined,
  tradesCount: revision,
  status: 'revised',
  complete: true,
  incompleteReason: undefined,
  source: 'trades',
})

/** One process: when it is killed, its timers never fire and nothing answers it any more. */
export class Life {
  isOver = false
  /** That have neither fired nor been cancelled. */
  timers = 0

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      elapsed: () => clock.elapsed(),
      after: (ms, callback) => {
        let isPending = true
        const end = (): void => {
          if (isPending) this.timers--
          isPending = false
        }
        this.timers++
        const cancel = clock.after(ms, () => {
          end()
          if (!this.isOver) callback()
        })
        return () => {
          end()
          cancel()
        }
      },
    }
  }

  #stillAlive(): Promise<void> {
    return this.isOver ? new Promise(() => undefined) : Promise.resolve()
  }

  /** What a dead process asked for happens or not; it never hears of it. */
  async call<T>(run: (life: Life) => Promise<T>): Promise<T> {
    await this.#stillAlive()
    try {
      return await run(this)
    } finally {
      await this.#stillAlive()
    }
  }
}

export type DatabaseMood = 'up' | 'down' | 'limbo' | 'flaky' | 'hanging'

export interface Chaos {
  readonly clock: Clock
  readonly random: Random
}

/** Stores everything at once, as far as its mood lets it. Rows whose id begins with `poison` can never be stored. */
export class HostileDatabase {
  mood: DatabaseMood = 'up'
  maxLatencyMs = 0
  isClosed = false
  /** Calls of save methods. */
  calls = 0
  readonly trades = new Map<string, PointOf<'trade'>>()
  readonly frames = new Map<string, StoredFrame>()
  readonly candles = new Map<number, OhlcvData>()
  /** Every revision that has ever been here. */
  readonly revisions = new Set<string>()
  readonly cursors = new Map<string, TapeCursor>()
  readonly gaps = new Map<string, Gap>()
  onGap: (gap: Gap) => void = () => undefined
  onCursor: (stream: string, cursor: TapeCursor) => void = () => undefined
  /** Makes a save of this table fail, for as long as it is set. */
  broken: { readonly table: string; readonly fault: DatabaseFault | 'bare' } | undefined
  readonly #chaos: Chaos

  constructor(chaos: Chaos) {
    this.#chaos = chaos
  }

  repository(life = new Life()): MarketDataRepository & RawTradeRepository {
    const never = async function* <T>(): AsyncGenerator<T> {}
    return {
      name: 'hostile',
      capabilities: { stores: ['candles', 'trades', 'frames', 'cursors', 'gaps'], isPersistent: true, isShared: false },
      healthCheck: () =>
        life.call(async () => {
          if (this.mood === 'limbo' && this.#chaos.random() < 0.3) throw new Error('sick')
          const isHealthy = this.mood === 'up' || this.mood === 'flaky'
          return { isHealthy, latencyMs: 0, issue: isHealthy ? undefined : 'away' }
        }),
      statistics: () => Promise.resolve({ rows: {}, isEstimate: false, bytes: undefined, evicted: 0 }),
      close: () => Promise.resolve(),
      saveTrades: (rows) =>
        life.call((self) =>
          this.#save(
            self,
            'trades',
            rows.map(({ data }) => data.id),
            () => putNew(this.trades, rows, ({ symbol, data }) => (symbol === 'BTC-USDT' ? data.id : `${symbol} ${data.id}`)),
          ),
        ),
      saveFrames: (rows) =>
        life.call((self) =>
          this.#save(
            self,
            'frames',
            rows.map(({ id }) => id),
            () => putNew(this.frames, rows, ({ id }) => id),
          ),
        ),
      saveCandles: (rows, options) =>
        life.call((self) =>
          this.#save(
            self,
            'candles',
            rows.map(({ incompleteReason }) => incompleteReason ?? ''),
            () => this.#putCandles(rows, options?.forceUpdateCandles ?? false),
          ),
        ),
      saveGaps: (gaps) =>
        life.call((self) =>
          this.#save(
            self,
            'gaps',
            gaps.map(({ fromId }) => fromId ?? ''),
            () => this.#putGaps(gaps),
          ),
        ),
      openGaps: (stream) => life.call(async () => [...this.gaps.values()].filter((gap) => gap.stream === stream && !gap.filled)),
      trades: never,
      candles: never,
      frames: never,
      latestTrade: () => Promise.resolve(undefined),
      latestCandle: () => Promise.resolve(undefined),
      cursor: (stream) => ({
        load: () => life.call(async () => this.cursors.get(stream)),
        save: (cursor) =>
          life.call(async (self) => {
            await this.#save(self, 'cursors', [], () => {
              this.cursors.set(stream, cursor)
              this.onCursor(stream, cursor)
              return NOTHING
            })
          }),
      }),
    }
  }

  async #save(life: Life, table: string, ids: readonly string[], commit: () => WriteResult): Promise<WriteResult> {
    this.calls++
    const { random } = this.#chaos
    const fail = (fault: DatabaseFault | 'bare'): never => {
      if (fault === 'bare') throw random() < 0.5 ? new Error('bare') : ('no error at all' as unknown as Error)
      throw new DatabaseOperationError('hostile', { operation: 'save', table, fault })
    }
    if (this.maxLatencyMs > 0) await this.#wait(random() * this.maxLatencyMs)
    if (life.isOver && random() < 0.5) return NOTHING
    if (this.isClosed) fail('closed')
    if (this.broken?.table === table) fail(this.broken.fault)
    if (this.mood === 'down') fail('away')
    if (this.mood === 'limbo') fail(random() < 0.5 ? 'unknown' : 'bare')
    if (this.mood === 'hanging') {
      if (random() < 0.5 && !ids.some(isPoison)) commit()
      return new Promise(() => undefined)
    }
    const isUnlucky = this.mood === 'flaky' && random() < 0.3
    if (isUnlucky && random() < 0.5) fail(random() < 0.3 ? 'away' : 'unknown')
    if (ids.some((id) => id.startsWith('poison-bare'))) fail('bare')
    if (ids.some(isPoison)) fail('row')
    const result = commit()
    if (isUnlucky) fail('unknown')
    return result
  }

  #putGaps(gaps: readonly Gap[]): WriteResult {
    const counts = { insert: 0, keep: 0, overwrite: 0 }
    for (const gap of gaps) {
      const decision = decideGap(this.gaps.get(gapKey(gap)), gap)
      counts[decision]++
      if (decision === 'keep') continue
      this.gaps.set(gapKey(gap), gap)
      this.onGap(gap)
    }
    return { inserted: counts.insert, kept: counts.keep, overwritten: counts.overwrite }
  }

  #putCandles(rows: readonly OhlcvData[], force: boolean): WriteResult {
    const counts = { insert: 0, keep: 0, overwrite: 0 }
    for (const row of rows) {
      const decision = decideCandle(this.candles.get(row.openTime), row, force)
      counts[decision]++
      if (decision !== 'keep') this.candles.set(row.openTime, row)
      this.revisions.add(`${row.openTime}/${row.volume.toFixed()}`)
    }
    return { inserted: counts.insert, kept: counts.keep, overwritten: counts.overwrite }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#chaos.clock.after(ms, resolve))
  }
}

const NOTHING: WriteResult = { inserted: 0, kept: 0, overwritten: 0 }
const isPoison = (id: string): boolean => id.startsWith('poison')

function putNew<R>(table: Map<string, R>, rows: readonly R[], keyOf: (row: R) => string): WriteResult {
  const before = table.size
  for (const row of rows) if (!table.has(keyOf(row))) table.set(keyOf(row), row)
  return { inserted: table.size - before, kept: rows.length - (table.size - before), overwritten: 0 }
}

/** A spool whose lanes outlive their processes, and whose disk fails at will. */
export class HostileSpool {
  isFull = false
  isBroken = false
  cannotOpen = false
  maxLatencyMs = 0
  appends = 0
  readonly lanes = new Map<string, { lines: string[]; aside: string[] }>()
  readonly #chaos: Chaos

  constructor(chaos: Chaos) {
    this.#chaos = chaos
  }

  contents(name: string): { lines: string[]; aside: string[] } {
    const lane = this.lanes.get(name) ?? { lines: [], aside: [] }
    this.lanes.set(name, lane)
    return lane
  }

  spool(life = new Life()): Spool {
    return { lane: (name) => this.#lane(this.contents(name), life) }
  }

  #lane(lane: { lines: string[]; aside: string[] }, life: Life): SpoolLane {
    const disk = <T>(why: boolean, run: () => T): Promise<T> =>
      life.call(async (self) => {
        if (this.maxLatencyMs > 0) {
          await new Promise<void>((resolve) => void this.#chaos.clock.after(this.#chaos.random() * this.maxLatencyMs, resolve))
        }
        if (self.isOver && this.#chaos.random() < 0.5) throw new Error('dead')
        if (why) throw new TapekeeperError('SPOOL_FAILED', 'the disk is full')
        return run()
      })
    const isBroken = (): boolean => this.isBroken && this.#chaos.random() < 0.5
    const count = (): number => this.appends++
    return {
      open: () => disk(this.cannotOpen, () => undefined),
      get lines() {
        return lane.lines.length
      },
      get bytes() {
        return lane.lines.join('\n').length
      },
      append: (lines) =>
        disk(this.isFull, () => {
          count()
          if (lines.some((line) => line.includes('\n'))) throw new Error('a line break')
          lane.lines.push(...lines)
        }),
      read: (count) => disk(isBroken(), () => lane.lines.slice(0, count)),
      async *scan() {
        yield* await disk(isBroken(), () => [...lane.lines])
      },
      drop: (count) => disk(isBroken(), () => void lane.lines.splice(0, count)),
      setAside: (lines) => disk(isBroken(), () => void lane.aside.push(...lines)),
      close: () => disk(false, () => undefined),
    }
  }
}
