import { gapKey } from '../../domain/stored-gaps.ts'
import type { StorageRecord } from '../storage-record.ts'

/** Why a row will never arrive. */
export type LossReason = 'rejected' | 'overflow' | 'given-up'

/** A record that waits. */
export interface Entry {
  /** Counts what was taken; entries wait in this order. */
  readonly order: number
  readonly record: StorageRecord
  /** Who waits for it: called once, with an error when it was given up. */
  readonly waiters: ((error?: Error) => void)[]
}

export type CursorEntry = Entry & { readonly record: Extract<StorageRecord, { kind: 'cursor' }> }

export type GapEntry = Entry & { readonly record: Extract<StorageRecord, { kind: 'gap' }> }

export const isGap = (entry: Entry): entry is GapEntry => entry.record.kind === 'gap'

/** What is no data, and tells how far the data before it goes. */
export const isMark = (entry: Entry): entry is CursorEntry | GapEntry => isCursor(entry) || isGap(entry)

export const isCursor = (entry: Entry): entry is CursorEntry => entry.record.kind === 'cursor'

export function settle(entry: Entry, error?: Error): void {
  for (const done of entry.waiters.splice(0)) done(error)
}

type KeyFields = Readonly<Record<string, unknown>>

/** What names a row, for errors. Also of one that is no row at all: whoever reports it must not stumble over it. */
export function keyFieldsOf(record: StorageRecord): KeyFields {
  try {
    return fieldsOf(record)
  } catch {
    return { kind: record.kind }
  }
}

function fieldsOf({ kind, row }: StorageRecord): KeyFields {
  switch (kind) {
    case 'trade':
      return { kind, exchange: row.exchange, symbol: row.symbol, id: row.data.id }
    case 'candle':
      return { kind, exchange: row.exchange, symbol: row.symbol, timeframe: row.timeframe, openTime: row.openTime }
    case 'frame':
      return { kind, exchange: row.exchange, symbol: row.symbol, topic: row.topic, id: row.id }
    case 'cursor':
      return { kind, stream: row.stream }
    case 'gap':
      return { kind, stream: row.stream, gap: gapKey(row) }
  }
}

/** Rows of one key must arrive in order. */
export const keyOf = (entry: Entry): string => Object.values(keyFieldsOf(entry.record)).map(String).join('\u0000')
