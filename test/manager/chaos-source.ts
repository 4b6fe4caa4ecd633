import { canFollow, type CollectorStatus } from '../../src/core/collector/collector-state.ts'
import type { Random } from '../../src/ports/random.ts'
import { FakeSource } from '../support/fake-source.ts'
import type { TestWorld } from '../support/test-ports.ts'

const FATES = ['well', 'well', 'well', 'slow', 'fails', 'throws', 'hangs', 'dies'] as const

/** A source whose every connection, subscription and turn of the loop may be slow, fail, throw, hang or die; and which notes what is wrong. */
export class ChaosSource extends FakeSource {
  readonly wrongs: string[] = []
  /** Off: everything goes well from now on. */
  chaos = true
  readonly #random: Random
  /** Runs whose signal has not aborted, by what they do. */
  readonly #alive = { connecting: new Set<AbortSignal>(), looping: new Set<AbortSignal>() }
  #from: CollectorStatus = 'stopped'

  constructor(name: string, world: TestWorld, random: Random) {
    super({ componentName: name, restartDelayMs: 2_000, maxRestarts: 2, healthCheckIntervalMs: 5_000 }, world)
    this.#random = random
    this.everyMs = 4_000
    this.on('status', ({ from, to }) => {
      if (from !== this.#from) this.wrongs.push(`${name}: said ${from} -> ${to}, but it was ${this.#from}`)
      if (!canFollow(from, to)) this.wrongs.push(`${name}: ${from} -> ${to}`)
      this.#from = to
    })
  }

  /** Runs that nobody has ended. */
  get live(): number {
    return this.#alive.connecting.size + this.#alive.looping.size
  }

  protected override async connect(signal: AbortSignal): Promise<boolean> {
    this.#enter('connecting', signal)
    const fate = this.#fate()
    this.connectMs = fate === 'slow' ? 9_000 * this.#random() : 10
    this.connectFails = fate === 'throws' ? 'throw' : fate === 'fails' ? 'false' : undefined
    this.hangs = fate === 'hangs' ? 'connect' : undefined
    try {
      return await super.connect(signal)
    } finally {
      this.#alive.connecting.delete(signal)
    }
  }

  protected override async subscribeToData(symbols: readonly string[], dataTypes: readonly never[]): Promise<boolean> {
    const fate = this.#fate()
    this.subscribeMs = fate === 'slow' ? 9_000 * this.#random() : 10
    this.subscribeFails = fate === 'throws' ? 'throw' : fate === 'fails' ? 'false' : undefined
    return super.subscribeToData(symbols, dataTypes)
  }

  protected override async unsubscribeFromData(symbols: readonly string[]): Promise<boolean> {
    const fate = this.#fate()
    this.hangs = fate === 'hangs' ? 'unsubscribe' : undefined
    this.unsubscribeFails = fate === 'throws'
    if (fate === 'slow') await this.pause(9_000 * this.#random())
    return super.unsubscribeFromData(symbols)
  }

  protected override async disconnect(): Promise<void> {
    const fate = this.#fate()
    this.hangs = fate === 'hangs' ? 'disconnect' : undefined
    this.disconnectFails = fate === 'throws'
    return super.disconnect()
  }

  protected override async handleMessages(signal: AbortSignal): Promise<void> {
    if (!this.#alive.looping.has(signal)) this.#enter('looping', signal)
    this.loopFails = this.#fate() === 'dies'
    return super.handleMessages(signal)
  }

  #fate(): (typeof FATES)[number] {
    return this.chaos ? FATES[Math.floor(this.#random() * FATES.length)]! : 'well'
  }

  #enter(what: 'connecting' | 'looping', signal: AbortSignal): void {
    if (this.live > 0) this.wrongs.push(`${this.componentName}: ${what} while another run is alive`)
    if (signal.aborted) return
    this.#alive[what].add(signal)
    signal.addEventListener('abort', () => this.#alive[what].delete(signal), { once: true })
  }
}
