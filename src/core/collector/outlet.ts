import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { Emitter } from '../../ports/emitter.ts'
import type { Gap } from '../../domain/gap.ts'
import { consumerGap, overflowError } from './consumer-faults.ts'
import type { Counters } from './counters.ts'
import { Delivery } from './delivery.ts'
import { COLLECTOR_EVENTS, type CollectorEvents } from './events.ts'

export interface OutletHooks {
  readonly exchange: string
  readonly counters: Counters
  now(): number
  onError(error: TapekeeperError): void
  onGap(gap: Gap): void
}

/** Where a collector meets its consumers: callbacks, streams and listeners, each behind its fence; their faults are counted. */
export class Outlet {
  readonly events: Emitter<CollectorEvents>
  readonly delivery: Delivery
  readonly #hooks: OutletHooks
  #isReported = false

  constructor(hooks: OutletHooks) {
    this.#hooks = hooks
    this.events = new Emitter((error, event) => this.failed(error, `listener of '${event}'`), COLLECTOR_EVENTS)
    this.delivery = new Delivery({
      onFault: (error, dataType) => this.failed(error, `callback for ${dataType}`),
      onDropped: (streams) => void (hooks.counters.streamDropped += streams),
      onTradesLost: (lost) => hooks.onGap(consumerGap(hooks.exchange, lost, hooks.now())),
      onOverflow: (dataType) => hooks.onError(overflowError(dataType)),
      overflowError,
    })
  }

  /** What belongs to a consumer has thrown or rejected. */
  failed(error: unknown, where: string): void {
    this.#hooks.counters.callbackErrors++
    if (this.#isReported) return
    this.#isReported = true
    const message = `a ${where} failed (reported once): ${messageOf(error)}`
    this.#hooks.onError(new TapekeeperError('CALLBACK_FAILED', message, { where }, { cause: error }))
  }
}
