import { createOkxCollector, silentLogger } from 'tapekeeper'
import { createReplay, type ReplayOptions } from 'tapekeeper/node'
import { observe, type Observation } from './observe.ts'

export const configFor = (endpoints: Record<string, string>) => ({
  symbol: 'BTC-USDT',
  dataTypes: ['trade', 'ticker', 'orderbook', 'candle'] as ('trade' | 'ticker' | 'orderbook' | 'candle')[],
  candles: { source: 'exchange' as const },
  endpoints,
  logger: silentLogger,
})

/** The recorded session of the round trip, once more. Also run by Node versions other than ours: nothing of vitest in here. */
export async function replayRun(
  file: string,
  endpoints: Record<string, string>,
  options: ReplayOptions = {},
): Promise<Observation> {
  const replay = await createReplay(file, { ...options, onNote: () => collector.stop() })
  const collector = createOkxCollector({ ...configFor(endpoints), ports: replay.ports })
  const seen = observe(collector)
  void collector.start()
  await replay.run()
  return seen
}
