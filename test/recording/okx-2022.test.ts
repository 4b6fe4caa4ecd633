import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createOkxCollector, silentLogger, type MarketDataPoint } from 'tapekeeper'
import { createReplay, readRecording, type RecordingLine, type ReplaySource } from 'tapekeeper/node'

const folder = process.env['TAPEKEEPER_RECORDINGS'] ?? fileURLToPath(new URL('../../../shared/recordings', import.meta.url))
const session = `${folder}/okx-2022-05-13.ndjson`
const rest = `${folder}/okx-2022-05-13.rest.ndjson`

/** A session that others recorded: no connection numbers, no requests, other hosts, acknowledgements without ids. */
describe.skipIf(!existsSync(session))(`OKX, 2022-05-13 (else: no recording at ${folder}, set TAPEKEEPER_RECORDINGS)`, () => {
  async function collect(source: ReplaySource) {
    const replay = await createReplay(source)
    const collector = createOkxCollector({
      symbol: 'BTC-USDT',
      dataTypes: ['trade', 'ticker'],
      ports: replay.ports,
      logger: silentLogger,
    })
    const points: MarketDataPoint[] = []
    collector.addDataCallback('trade', (point) => points.push(point))
    collector.addDataCallback('ticker', (point) => points.push(point))
    const started = collector.start()
    await replay.run()
    const { status, instrument } = collector
    await collector.stop()
    return { started: await started, status, instrument, points }
  }

  test('69 trades and every ticker reach a collector, at the recorded times', async () => {
    const { started, status, points } = await collect(session)
    expect([started, status]).toEqual([true, 'running'])
    const received: number[] = []
    for await (const line of readRecording(session)) {
      if ('d' in line && line.d === 'in' && /^\{"arg":\{"channel":"(trades|tickers)","instId":"BTC-USDT"\}/.test(line.m))
        received.push(line.t)
    }
    expect(points.filter(({ dataType }) => dataType === 'trade')).toHaveLength(69)
    expect(points.map(({ receivedAt }) => receivedAt)).toEqual(received)
  })

  test('merged with the REST answers of that day, the instrument is known as well', async () => {
    const lines: RecordingLine[] = []
    for (const file of [rest, session]) for await (const line of readRecording(file)) if (!('format' in line)) lines.push(line)
    const { instrument, points } = await collect(lines)
    expect(instrument).toMatchObject({ symbol: 'BTC-USDT', nativeSymbol: 'BTC-USDT' })
    expect(points.filter(({ dataType }) => dataType === 'trade')).toHaveLength(69)
  })
})
