import { BaseDataCollector } from '../../src/core/collector/base-collector.ts'
import type { BaseCollectorOptions } from '../../src/core/collector/base-options.ts'
import type { CollectorStatus } from '../../src/core/collector/collector-state.ts'
import type { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'
import type { DataType } from '../../src/domain/data-type.ts'
import type { MarketDataPoint } from '../../src/domain/market-data.ts'
import { silentLogger } from '../../src/ports/logger.ts'
import { asDecimal } from './decimals.ts'
import { createTestWorld, type TestWorld } from './test-ports.ts'

/** A source of its own: one message every `everyMs`, and a switch for each fault. Records what was called. */
export class FakeSource extends BaseDataCollector {
  readonly calls: string[] = []
  readonly statuses: CollectorStatus[] = []
  readonly faults: TapekeeperError[] = []
  readonly world: TestWorld
  /** `connect` and the rest take this long. */
  connectMs = 10
  subscribeMs = 10
  everyMs = 1_000
  /** Fails, by throwing or by `false`. */
  connectFails: 'throw' | 'false' | undefined
  subscribeFails: 'throw' | 'false' | undefined
  unsubscribeFails = false
  disconnectFails = false
  /** Never answers, whatever its signal says. */
  hangs: 'connect' | 'unsubscribe' | 'disconnect' | undefined
  /** The message loop rejects. */
  loopFails = false
  /** The message loop waits and hears nothing. */
  silent = false
  /** `connect` calls minus `disconnect` calls that let go of one. */
  connected = 0
  readonly subscribed = new Set<string>()
  next = 0
  /** What the loop receives next, in place of a trade. */
  readonly messages: unknown[] = []

  constructor(options: Partial<BaseCollectorOptions> = {}, world: TestWorld = createTestWorld()) {
    super({
      exchangeName: 'fake',
      symbols: ['ABC-USD'],
      dataTypes: ['trade'],
      logger: silentLogger,
      ports: world.ports,
      ...options,
    })
    this.world = world
    this.on('status', ({ to }) => this.statuses.push(to))
    this.on('error', (error) => this.faults.push(error))
  }

  protected async connect(signal: AbortSignal): Promise<boolean> {
    this.calls.push('connect')
    if (this.hangs === 'connect') await forever()
    await this.pause(this.connectMs, signal)
    if (this.connectFails === 'throw') throw new Error('connect')
    if (this.connectFails === 'false') return false
    this.connected++
    return true
  }

  protected async disconnect(): Promise<void> {
    this.calls.push('disconnect')
    this.connected = 0
    this.subscribed.clear()
    if (this.hangs === 'disconnect') await forever()
    if (this.disconnectFails) throw new Error('disconnect')
  }

  protected async subscribeToData(symbols: readonly string[], _dataTypes: readonly DataType[]): Promise<boolean> {
    this.calls.push(`subscribe ${symbols.join()}`)
    await this.pause(this.subscribeMs)
    if (this.subscribeFails === 'throw') throw new Error('subscribe')
    if (this.subscribeFails === 'false') return false
    for (const symbol of symbols) this.subscribed.add(symbol)
    return true
  }

  protected async unsubscribeFromData(symbols: readonly string[]): Promise<boolean> {
    this.calls.push(`unsubscribe ${symbols.join()}`)
    if (this.hangs === 'unsubscribe') await forever()
    if (this.unsubscribeFails) throw new Error('unsubscribe')
    for (const symbol of symbols) this.subscribed.delete(symbol)
    return true
  }

  protected async handleMessages(signal: AbortSignal): Promise<void> {
    await this.pause(this.everyMs, signal)
    if (this.loopFails) throw new Error('line cut')
    if (!this.silent) await this.receive(this.messages.shift() ?? `${++this.next}`)
  }

  protected processMessage(message: unknown): MarketDataPoint | MarketDataPoint[] | undefined {
    if (message === 'nothing') return undefined
    if (message === 'bad') throw new Error('bad message')
    if (message === 'two') return [this.trade('x'), this.trade('y')]
    return this.trade(String(message))
  }

  trade(id: string): MarketDataPoint {
    const at = this.world.clock.now()
    const data = { id, price: asDecimal('100.5'), size: asDecimal('1'), side: 'buy', backfilled: false } as const
    return { exchange: 'fake', symbol: 'ABC-USD', dataType: 'trade', timestamp: at, receivedAt: at, data }
  }
}

const forever = (): Promise<never> => new Promise(() => undefined)
