import { systemClock } from '../ports/clock.ts'
import type { FakeExchange, LoopbackOptions } from './fake-exchange.ts'
import { PATHS } from './okx/channels.ts'
import { OkxEngine } from './okx/engine.ts'
import { FakeOkx } from './okx/fake-okx.ts'
import { resolveSettings } from './okx/settings.ts'
import { listen } from './transport/loopback.ts'

/**
 * Starts a fake OKX on 127.0.0.1: a real WebSocket and REST server that any OKX client can talk to.
 *
 * @throws RangeError for impossible options; the system's error when the port is taken.
 * @example
 * ```ts
 * import { startFakeExchange } from 'tapekeeper/testing'
 * await using fake = await startFakeExchange({ seed: 7 })
 * console.log(fake.endpoints.public) // ws://127.0.0.1:40123/ws/v5/public
 * fake.drop()
 * ```
 */
export async function startFakeExchange(options: LoopbackOptions = {}): Promise<FakeExchange> {
  const { port = 0, clock = systemClock } = options
  const settings = resolveSettings(options)
  const engine = new OkxEngine(settings, clock)
  const server = await listen(engine, port, settings.compression)
  const host = `127.0.0.1:${server.port}`
  const endpoints = {
    public: `ws://${host}${PATHS.public}`,
    business: `ws://${host}${PATHS.business}`,
    private: `ws://${host}${PATHS.private}`,
    rest: `http://${host}`,
  }
  return new FakeOkx(engine, clock, endpoints, () => server.close())
}
