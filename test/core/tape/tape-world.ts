import type { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import type { Random } from '../../../src/ports/random.ts'
import { CompletenessLedger, type StreamCompleteness } from '../../../src/core/tape/completeness.ts'
import type { TradePoint } from '../../../src/core/tape/continuity.ts'
import type { CursorStore } from '../../../src/ports/cursor-store.ts'
import type { Gap } from '../../../src/domain/gap.ts'
import type { PageBefore } from '../../../src/core/tape/hole-filler.ts'
import type { TapeSettings } from '../../../src/core/tape/tape-settings.ts'
import { TradeTape } from '../../../src/core/tape/trade-tape.ts'
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { asDecimal } from '../../support/decimals.ts'
import { newTapeLog, pieceOfGap, pieceOfTrade, type TapeLog } from './tape-log.ts'

export const START = Date.UTC(2026, 10, 22)
export const SECOND = 1_000
export const HOUR = 3_600_000

const SETTINGS: TapeSettings = {
  reorderGraceMs: 250,
  repairTimeoutMs: 15_000,
  maxHeldTrades: 10_000,
  maxBackfillMs: HOUR,
}

export interface TradeShape {
  readonly count?: number
  readonly at?: number
  readonly receivedAt?: number
  readonly backfilled?: boolean
}

export function tradeOf(
  id: number | string,
  { count, at = START, receivedAt = at, backfilled = false }: TradeShape = {},
): TradePoint {
  const data = { id: String(id), price: asDecimal('1'), size: asDecimal('1'), side: 'buy', count, backfilled } as const
  return { exchange: 'acme', symbol: 'ABC-USD', dataType: 'trade', timestamp: at, receivedAt, data }
}

/** What an exchange knows over REST: every fill from `first` to `newest`, unless told otherwise. */
export class RestHistory {
  first = 1
  newest = Infinity
  pageSize = 100
  timeOf: (id: number) => number = () => START
  readonly absent = new Set<number>()
  readonly asked: string[] = []
  /** Answers in place of the history when it returns something. */
  script: ((beforeId: number, call: number, signal: AbortSignal) => Promise<readonly TradePoint[]> | undefined) | undefined

  readonly pageBefore: PageBefore = async (beforeId, signal) => {
    signal.throwIfAborted()
    this.asked.push(beforeId)
    return (await this.script?.(Number(beforeId), this.asked.length, signal)) ?? this.page(Number(beforeId))
  }

  page(beforeId: number): TradePoint[] {
    const rows: TradePoint[] = []
    for (let id = Math.min(beforeId - 1, this.newest); id >= this.first && rows.length < this.pageSize; id--) {
      if (!this.absent.has(id)) rows.push(tradeOf(id, { at: this.timeOf(id), backfilled: true }))
    }
    return rows
  }
}

export interface TapeWorld {
  readonly clock: VirtualClock
  readonly rest: RestHistory
  readonly tape: TradeTape
  readonly log: TapeLog
  /** A live trade, now. */
  live(id: number, shape?: TradeShape): void
  report(): StreamCompleteness
}

export interface TapeWorldOptions {
  readonly settings?: Partial<TapeSettings>
  readonly cursorStore?: CursorStore
  readonly noRest?: boolean
  readonly rest?: RestHistory
  readonly clock?: VirtualClock
  readonly random?: Random
  readonly onDelivered?: (point: TradePoint) => void
  readonly onGap?: (gap: Gap) => void
  readonly log?: TapeLog
}

export function createTapeWorld(options: TapeWorldOptions = {}): TapeWorld {
  const { clock = createVirtualClock(START), rest = new RestHistory(), log = newTapeLog(), random = () => 0.5 } = options
  const ledger = new CompletenessLedger('acme trades')
  const tape = new TradeTape(
    { ...SETTINGS, ...options.settings },
    {
      exchange: 'acme',
      symbol: 'ABC-USD',
      stream: 'acme trades',
      ledger,
      clock,
      random,
      pageBefore: options.noRest === true ? undefined : rest.pageBefore,
      cursorStore: options.cursorStore,
      deliver: (point) => {
        log.pieces.push(pieceOfTrade(point))
        log.trades.push(point)
        options.onDelivered?.(point)
      },
      onGap: (gap) => {
        if (gap.filled) log.filled.push(gap)
        else {
          log.gaps.push(gap)
          log.pieces.push(pieceOfGap(gap))
        }
        options.onGap?.(gap)
      },
      onError: (error: TapekeeperError) => log.errors.push(error),
    },
  )
  return {
    clock,
    rest,
    tape,
    log,
    live: (id, shape = {}) => tape.accept(tradeOf(id, { at: clock.now(), receivedAt: clock.now(), ...shape })),
    report: () => ledger.report(),
  }
}

/** `1 2 gap 3..5 rest-failed 6`: what was said, in order. */
export const story = ({ pieces }: TapeLog): string =>
  pieces
    .map(({ kind, first, last, what }) => {
      const ids = first === last ? String(first) : `${first}..${last}`
      return kind === 'gap' ? `[${ids} ${what}]` : what === 'backfilled' ? `${ids}*` : ids
    })
    .join(' ')

/** Node 20 has no `Promise.withResolvers`. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve: (value) => resolve(value) }
}
