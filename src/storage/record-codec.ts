import { z } from 'zod'
import { DATA_TYPES, type DataType } from '../domain/data-type.ts'
import {
  candleFromJson,
  candleToJson,
  gapFromJson,
  gapToJson,
  JsonShapeError,
  pointToJson,
  tradeFromJson,
  type JsonObject,
} from '../domain/point-json.ts'
import { RECORD_KINDS, type RecordKind, type StorageRecord } from './storage-record.ts'

const frame = z.object({
  id: z.string(),
  exchange: z.string(),
  symbol: z.string(),
  dataType: z.enum(DATA_TYPES as readonly [DataType, ...DataType[]]),
  topic: z.string(),
  receivedAt: z.number(),
  text: z.string(),
})

const cursor = z.object({
  stream: z.string(),
  cursor: z.object({ id: z.string(), timestamp: z.number(), state: z.string().optional() }),
})

const envelope = z.object({ kind: z.enum(RECORD_KINDS), row: z.unknown() })

/** A record as one line of JSON, `kind` first. */
export function encodeRecord(record: StorageRecord): string {
  return JSON.stringify({ kind: record.kind, row: rowToJson(record) })
}

const KIND = /^\{"kind":"(\w+)"/

/** Tells without reading the line; undefined for a damaged one. */
export function kindOfLine(line: string): RecordKind | undefined {
  const name = KIND.exec(line)?.[1]
  return RECORD_KINDS.find((kind) => kind === name)
}

/** @throws JsonShapeError or SyntaxError when the line is damaged. */
export function decodeRecord(line: string): StorageRecord {
  const { kind, row } = parse('record', envelope, JSON.parse(line))
  switch (kind) {
    case 'trade':
      return { kind, row: tradeFromJson(row) }
    case 'candle':
      return { kind, row: candleFromJson(row) }
    case 'frame':
      return { kind, row: parse(kind, frame, row) }
    case 'cursor':
      return { kind, row: parse(kind, cursor, row) }
    case 'gap':
      return { kind, row: gapFromJson(row) }
  }
}

function rowToJson(record: StorageRecord): JsonObject {
  switch (record.kind) {
    case 'trade':
      return pointToJson(record.row)
    case 'candle':
      return candleToJson(record.row)
    case 'gap':
      return gapToJson(record.row)
    case 'frame':
    case 'cursor':
      return { ...record.row }
  }
}

function parse<S extends z.ZodType>(what: string, schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value)
  if (!result.success) throw new JsonShapeError(what, result.error.issues)
  return result.data
}
