import type { DataType } from '../../domain/data-type.ts'
import type { ErrorCode } from '../../errors/consequence.ts'
import type { RestartTrigger } from './events.ts'

/** What a collector counts. Plain fields: they are touched for every message. */
export class Counters {
  messagesReceived = 0
  bytesReceived = 0
  messagesProcessed = 0
  errors = 0
  callbackErrors = 0
  streamDropped = 0
  restarts = 0
  /** Connections lost. */
  reconnects = 0
  gaps = 0
  missingTrades = 0
  /** Points delivered. All keys from the start, so that counting never changes the object's shape. */
  readonly messagesByType: Record<DataType, number> = { ticker: 0, trade: 0, orderbook: 0, candle: 0, balance: 0 }
  readonly errorsByCode: Partial<Record<ErrorCode, number>> = {}
  readonly restartsByTrigger: Partial<Record<RestartTrigger, number>> = {}
  lastMessageAt: number | undefined
  lastRestartAt: number | undefined

  messageReceived(at: number, bytes = 0): void {
    this.messagesReceived++
    this.bytesReceived += bytes
    this.lastMessageAt = at
  }

  failed(code: ErrorCode, times = 1): void {
    this.errors += times
    this.errorsByCode[code] = (this.errorsByCode[code] ?? 0) + times
  }

  restarted(at: number, trigger: RestartTrigger): void {
    this.restarts++
    this.restartsByTrigger[trigger] = (this.restartsByTrigger[trigger] ?? 0) + 1
    this.lastRestartAt = at
  }
}
