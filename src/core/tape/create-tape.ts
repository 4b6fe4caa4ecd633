import type { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { TradeHistory } from '../exchange-definition.ts'
import type { RestClient } from '../rest-client.ts'
import type { CompletenessLedger } from './completeness.ts'
import type { TradePoint } from './continuity.ts'
import type { PageBefore } from './hole-filler.ts'
import type { CursorStore } from '../../ports/cursor-store.ts'
import type { Gap } from '../../domain/gap.ts'
import { TimeTape } from './time-tape.ts'
import type { TapeSettings } from './tape-settings.ts'
import { TradeTape } from './trade-tape.ts'

/** Keeps one trade stream complete; how depends on what the exchange's ids prove. */
export interface Tape {
  /** Everything that is known to have been traded has been delivered: no hole is being repaired. */
  readonly isWhole: boolean
  open(): Promise<void>
  accept(point: TradePoint): void
  /** The connection was lost. */
  interrupted(): void
  /** `forGood: false` is a restart: everything stays as it is. */
  close(forGood: boolean): Promise<void>
}

export interface TapeRequest {
  readonly exchange: string
  readonly symbol: string
  readonly nativeSymbol: string
  readonly stream: string
  readonly ledger: CompletenessLedger
  readonly history: TradeHistory | undefined
  readonly rest: RestClient
  readonly clock: Clock
  readonly random: Random
  readonly settings: TapeSettings & { readonly cursorStore?: CursorStore | undefined }
  /** What else belongs to the cursor of a moment: the open candles. */
  readonly state?: (() => string | undefined) | undefined
  readonly deliver: (point: TradePoint) => void
  readonly onGap: (gap: Gap) => void
  readonly onError: (error: TapekeeperError) => void
}

export function createTape(request: TapeRequest): Tape {
  const { history, rest, symbol, nativeSymbol, clock, settings } = request
  const target = { symbol, nativeSymbol }
  if (history === undefined || history.contiguity === 'none') {
    const canRead = history?.between !== undefined
    return new TimeTape({
      ...request,
      tradesBetween: canRead
        ? async (from, to, signal) => (await history.between?.(rest, target, from, to, signal)) ?? []
        : undefined,
    })
  }
  const pagesOf = (client: RestClient): PageBefore | undefined =>
    history.pageBefore === undefined
      ? undefined
      : async (beforeId, signal) => (await history.pageBefore?.(client, target, beforeId, clock.now(), signal)) ?? []
  return new TradeTape(settings, {
    ...request,
    cursorStore: settings.cursorStore,
    pageBefore: pagesOf(rest),
    latePageBefore: pagesOf(rest.inBackground ?? rest),
  })
}
