/**
 * A source that ends: trades from a file, one JSON object per line, as a collector on BaseDataCollector. At the end of the file it stops
 * itself; stopped in the middle and started again, it goes on with the line after the last one delivered.
 * (For recordings of an exchange's frames there is `createReplay` in tapekeeper/node.)
 *
 *   npx tsx examples/file-replay.ts                  a small file made just now, with a damaged line
 *   npx tsx examples/file-replay.ts trades.ndjson    your own: {"symbol", "id", "price", "size", "side", "timestamp"}
 */
import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BaseDataCollector,
  DataType,
  decimalString,
  type BaseCollectorOptions,
  type DataStream,
  type PointOf,
  type StreamOptions,
} from 'tapekeeper'

interface Row {
  readonly symbol: string
  readonly id: string
  readonly price: string
  readonly size: string
  readonly side: 'buy' | 'sell'
  /** Epoch milliseconds. */
  readonly timestamp: number
}

interface FileReplayOptions extends Omit<BaseCollectorOptions, 'exchangeName' | 'dataTypes'> {
  readonly file: string
  /** 1: as it happened; 60: a minute per second. Left out: as fast as the consumers of its streams read. */
  readonly speed?: number
}

/** A turn of the message loop that takes longer looks stuck to the health check. */
const LONGEST_TURN_MS = 10_000

export class FileReplay extends BaseDataCollector {
  readonly #file: string
  readonly #speed: number | undefined
  readonly #streams: Pick<DataStream<unknown>, 'size' | 'ended'>[] = []
  #handle: FileHandle | undefined
  #lines: AsyncIterator<string> | undefined
  /** Read, and not delivered yet. */
  #next: IteratorResult<string> | undefined
  /** Lines delivered or given up, over all runs: where the next run begins. */
  #linesDone = 0
  /** The first trade of this run: what was then, and when we delivered it. */
  #origin: { readonly timestamp: number; readonly at: number } | undefined

  constructor({ file, speed, ...options }: FileReplayOptions) {
    if (speed !== undefined && !(speed > 0)) throw new RangeError(`speed must be more than 0: ${speed}`)
    super({ exchangeName: 'file', dataTypes: [DataType.Trade], ...options })
    this.#file = file
    this.#speed = speed
  }

  override stream<T extends DataType>(dataType: T, options?: StreamOptions): DataStream<PointOf<T>> {
    const stream = super.stream(dataType, options)
    this.#streams.push(stream)
    return stream
  }

  protected async connect(signal: AbortSignal): Promise<boolean> {
    this.#handle = await open(this.#file)
    this.#lines = this.#handle.readLines()[Symbol.asyncIterator]()
    this.#next = this.#origin = undefined
    for (let line = 0; line < this.#linesDone && !signal.aborted; line++) await this.#lines.next()
    return true
  }

  protected async disconnect(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  /** One turn: one line, or a wait until it is due. */
  protected async handleMessages(signal: AbortSignal): Promise<void> {
    this.#next ??= await this.#lines?.next()
    if (signal.aborted) return
    // The end is no lost connection, so nothing is thrown.
    if (this.#next?.done !== false) {
      this.finish('end of file')
      return
    }
    const message = parse(this.#next.value)
    const waitMs = this.#waitFor(message)
    if (waitMs > 0) return this.pause(Math.min(waitMs, LONGEST_TURN_MS), signal)
    this.#next = undefined
    this.#linesDone++
    await this.receive(message)
  }

  /** A throw costs this line. A line that is no JSON arrives as text, in which no field is found. */
  protected processMessage({ symbol, id, price, size, side, timestamp }: Row): PointOf<'trade'> | undefined {
    if (typeof id !== 'string' || !['buy', 'sell'].includes(side) || !Number.isSafeInteger(timestamp))
      throw new Error(`line ${this.#linesDone} of ${this.#file} is no trade`)
    if (!this.symbols.includes(symbol)) return undefined
    const data = { id, price: decimalString(price), size: decimalString(size), side, backfilled: false }
    return { exchange: this.exchangeName, symbol, dataType: 'trade', timestamp, receivedAt: this.now(), data }
  }

  /** Between two trades of a quiet market there may be hours: for a file, silence is no fault. */
  protected override maxSilenceMs(): undefined {
    return undefined
  }

  // The file holds every symbol; processMessage leaves out what nobody asked for.
  protected async subscribeToData(): Promise<boolean> {
    return true
  }
  protected async unsubscribeFromData(): Promise<boolean> {
    return true
  }

  #waitFor(message: unknown): number {
    if (this.#speed === undefined) return this.#streams.some(({ ended, size }) => !ended && size > 0) ? 1 : 0
    const { timestamp } = (message ?? {}) as Partial<Row>
    if (typeof timestamp !== 'number') return 0
    this.#origin ??= { timestamp, at: this.now() }
    return this.#origin.at + (timestamp - this.#origin.timestamp) / this.#speed - this.now()
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}

// Only when run, not when its class is imported.
if (process.argv[1] === import.meta.filename) {
  const folder = await mkdtemp(join(tmpdir(), 'tapekeeper-'))
  const file = process.argv[2] ?? (await makeFile(join(folder, 'trades.ndjson')))
  const replay = new FileReplay({ file, speed: 2, symbols: ['BTC-USDT'] })
  const ids: string[] = []
  replay.addDataCallback(DataType.Trade, ({ data }) => ids.push(data.id))
  replay.on('error', ({ code, consequence, message }) => console.log(`${code} (${consequence}): ${message}`))
  replay.on('status', ({ from, to, reason }) =>
    console.log(`${from} -> ${to} ${reason ?? ''}`.padEnd(35), `${ids.length} trades so far`),
  )

  if (!(await replay.start())) throw new Error('not started', { cause: replay.lastError })
  await sleep(700)
  await replay.stop()

  // A stream ends when the collector stops, and so at the end of the file, after the last trade was read.
  const rest = replay.stream(DataType.Trade)
  await replay.start()
  for await (const { data } of rest)
    if (Number(data.id) % 10 === 0) console.log(`trade ${data.id}: ${data.size} at ${data.price}`)

  const isInOrder = ids.every((id, i) => i === 0 || Number(id) > Number(ids[i - 1]))
  const { errors, restarts } = replay.getStatus().statistics
  console.log(
    `result: ${ids.length} trades ${isInOrder ? 'in order' : 'NOT in order'}, ${errors} damaged lines, ${restarts} restarts`,
  )
  await rm(folder, { recursive: true })
}

/** Sixty trades in three seconds, the thirtieth of them damaged. */
async function makeFile(path: string): Promise<string> {
  const rows = Array.from({ length: 60 }, (_, i) => ({
    symbol: 'BTC-USDT',
    id: String(i + 1),
    price: `6421${i % 10}.5`,
    size: '0.01',
    side: i % 3 === 0 ? 'sell' : 'buy',
    timestamp: Date.UTC(2026, 10, 22) + i * 50,
  }))
  const lines = rows.map((row, i) => (i === 29 ? JSON.stringify(row).slice(0, 40) : JSON.stringify(row)))
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}
