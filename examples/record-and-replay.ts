/**
 * Records a session while its connection is cut and a frame is damaged, then plays the recording to the same code: the same bytes.
 *
 *   npx tsx examples/record-and-replay.ts                   a fake exchange on this machine, about five seconds
 *   npx tsx examples/record-and-replay.ts session.ndjson    replays a recording of OKX's BTC-USDT
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createOkxCollector, DataType, silentLogger, type OkxCollector, type OkxCollectorConfig } from 'tapekeeper'
import { createRecorder, createReplay } from 'tapekeeper/node'
import { startFakeExchange } from 'tapekeeper/testing'

const config: OkxCollectorConfig = { symbol: 'BTC-USDT', dataTypes: [DataType.Trade, DataType.Ticker], logger: silentLogger }

/** What a collector delivers, as one number: every point with its times, and every change of a subscription. */
function fingerprint(collector: OkxCollector): () => string {
  const hash = createHash('sha256')
  let points = 0
  for (const dataType of collector.dataTypes) {
    collector.addDataCallback(dataType, (point) => {
      points++
      hash.update(JSON.stringify(point))
    })
  }
  collector.on('subscription', ({ topic, status, at }) => hash.update(`${topic} ${status} ${at}`))
  return () => `${hash.digest('hex')}  ${points} points`
}

async function record(file: string): Promise<void> {
  await using fake = await startFakeExchange({ seed: 1, tradesPerSecond: 50 })
  await using recorder = createRecorder({ file, exchange: 'okx', source: 'examples/record-and-replay.ts' })
  const collector = createOkxCollector({ ...config, endpoints: fake.endpoints, ports: recorder.ports })
  const result = fingerprint(collector)
  await collector.start()
  await sleep(1_500)
  fake.corrupt('truncated')
  await sleep(500)
  fake.drop()
  await sleep(2_500)
  // The file tells what came from outside; what the program itself does next, it has to say.
  await recorder.note('stop')
  await collector.stop()
  console.log(`recorded  ${result()}, ${recorder.frames} frames, ${recorder.bytes} bytes`)
}

async function replay(file: string): Promise<void> {
  const from = performance.now()
  const session = await createReplay(file, { onNote: () => collector.stop() })
  const collector = createOkxCollector({ ...config, ports: session.ports })
  const result = fingerprint(collector)
  // Not awaited: time stands still until `run`.
  void collector.start()
  await session.run()
  // A recording without that note leaves it running.
  await collector.stop()
  const seconds = (session.endsAt - session.startsAt) / 1_000
  console.log(`replayed  ${result()}, ${seconds} s in ${Math.round(performance.now() - from)} ms`)
}

const folder = await mkdtemp(join(tmpdir(), 'tapekeeper-'))
const file = process.argv[2] ?? join(folder, 'session.ndjson.gz')
if (process.argv[2] === undefined) await record(file)
await replay(file)
await replay(file)
await rm(folder, { recursive: true })
