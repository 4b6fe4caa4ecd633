import type { DataType } from './data-type.ts'

/** One frame as it came from the exchange, with `storeRawData`. */
export interface RawFrame {
  readonly exchange: string
  readonly symbol: string
  readonly dataType: DataType
  readonly topic: string
  readonly receivedAt: number
  readonly text: string
}
