import type { VirtualExchange, VirtualOptions } from './fake-exchange.ts'
import { createExchangeClock } from './exchange-clock.ts'
import { PATHS } from './okx/channels.ts'
import { OkxEngine } from './okx/engine.ts'
import { FakeOkx } from './okx/fake-okx.ts'
import { resolveSettings } from './okx/settings.ts'
import { seededRandom } from './seeded-random.ts'
import { createInMemoryNetwork } from './transport/in-memory.ts'
import { createVirtualClock } from './virtual-clock.ts'

/** Never resolves outside the fake. */
const HOST = 'okx.test'

/**
 * The same fake exchange in virtual time: hand its `ports` to a collector, then move its clock. No real socket, no waiting, and every
 * run with the same seed and the same calls is the same to the byte.
 *
 * @throws RangeError for impossible options.
 * @example
 * ```ts
 * import { createVirtualExchange } from 'tapekeeper/testing'
 * const fake = createVirtualExchange({ seed: 7, tradesPerSecond: 20 })
 * const socket = fake.ports.socket(fake.endpoints.public, {
 *   onOpen: () => socket.send('{"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}'),
 *   onText: (text) => console.log(text),
 *   onBinary: () => undefined,
 *   onClose: ({ code }) => console.log('closed', code),
 * })
 * await fake.clock.advance(60_000) // a minute of market, in milliseconds of yours
 * await fake.close()
 * ```
 */
export function createVirtualExchange(options: VirtualOptions = {}): VirtualExchange {
  const { clock = createVirtualClock(), networkDelayMs = 1 } = options
  const settings = resolveSettings(options)
  const engine = new OkxEngine(settings, createExchangeClock(clock))
  const endpoints = {
    public: `ws://${HOST}${PATHS.public}`,
    business: `ws://${HOST}${PATHS.business}`,
    private: `ws://${HOST}${PATHS.private}`,
    rest: `http://${HOST}`,
  }
  const network = createInMemoryNetwork(engine, HOST, clock, networkDelayMs)
  const fake = new FakeOkx(engine, clock, endpoints, () => {
    network.shutDown()
    return Promise.resolve()
  })
  return Object.assign(fake, { clock, ports: { clock, random: seededRandom(`${settings.seed}/ports`), ...network } })
}
