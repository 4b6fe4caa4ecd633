import { expect, test } from 'vitest'
import {
  CollectorManager,
  consoleLogger,
  createDecoder,
  createOkxCollector,
  ExchangeCollector,
  ExchangeFactory,
  getExchangeInfo,
  OkxCollector,
  parseEnvironment,
  registerExchange,
  silentLogger,
  TapekeeperError,
  type DataType,
} from 'tapekeeper'
import { createRecorder, createReplay, readRecording, stopOnSignals } from 'tapekeeper/node'
import { okx } from 'tapekeeper/okx'
import { createFileLogger, fromPino } from 'tapekeeper/pino'
import { createPrometheusMetrics } from 'tapekeeper/prometheus'
import { FakeSource } from '../support/fake-source.ts'
import { createTestWorld } from '../support/test-ports.ts'

// What a caller gets wrong is said where it was done, as an error with a code that names what was wrong and what is expected. Whoever
// writes plain JavaScript has no types to say it.

type Anything = never

function mistakeOf(call: () => unknown): TapekeeperError {
  try {
    call()
  } catch (error) {
    if (TapekeeperError.is(error)) return error
    throw new Error(`not one of ours: ${String(error)}`, { cause: error })
  }
  throw new Error('nothing was thrown')
}

const rejection = async (promise: () => Promise<unknown>): Promise<unknown> =>
  promise().then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  )

const source = (dataTypes?: readonly DataType[]): FakeSource => new FakeSource(dataTypes === undefined ? {} : { dataTypes })
const okxCollector = (): OkxCollector =>
  createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade', 'orderbook'], logger: silentLogger })

/** Everything that takes an object of options, given something else. */
const takingOptions: Readonly<Record<string, (options: never) => unknown>> = {
  createOkxCollector: (options) => createOkxCollector(options),
  OkxCollector: (options) => new OkxCollector(options),
  ExchangeCollector: (options) => new ExchangeCollector(okx, options),
  'ExchangeCollector definition': (definition) => new ExchangeCollector(definition, {} as never),
  'ExchangeFactory.createCollector': (options) => ExchangeFactory.createCollector(options),
  'ExchangeFactory.createMultipleCollectors': (options) => ExchangeFactory.createMultipleCollectors(options),
  createDecoder: (options) => createDecoder(options),
  registerExchange: (options) => registerExchange(options),
  createRecorder: (options) => createRecorder(options),
  BaseDataCollector: (options) =>
    new (FakeSource as unknown as new (options: unknown, world: unknown) => unknown)({ symbols: options }, undefined),
}
test.each(Object.entries(takingOptions))('%s of nothing, null, a number, a text, a list', (_name, call) => {
  for (const options of [undefined, null, 7, 'BTC-USDT', [], true]) {
    if (options !== undefined || call !== takingOptions['BaseDataCollector']) {
      if (
        Array.isArray(options) &&
        (call === takingOptions['ExchangeFactory.createMultipleCollectors'] || call === takingOptions['BaseDataCollector'])
      )
        continue
      expect(mistakeOf(() => call(options as never)).code).toBe('CONFIG_INVALID')
    }
  }
})

test.each<[string, (value: Anything) => unknown]>([
  ['CollectorManager', (options) => new CollectorManager(options)],
  ['createFileLogger', (options) => createFileLogger(options)],
  ['createPrometheusMetrics', (options) => createPrometheusMetrics(options)],
  ['stopOnSignals', (options) => stopOnSignals({ stop: () => Promise.resolve() }, options)],
  ['parseEnvironment', (options) => parseEnvironment(options)],
  ['supervise', (options) => source().supervise(options)],
  ['stream', (options) => source().stream('trade', options)],
  ['restart', (options) => source().restart(options)],
  ['manager.stop', (options) => new CollectorManager().stop(options)],
  ['manager.addCollector', (options) => new CollectorManager().addCollector(source(), options)],
])('%s with options that are none', (_name, call) => {
  for (const options of [null, 7, []]) expect(mistakeOf(() => call(options as never)).code).toBe('CONFIG_INVALID')
})

test.each<[string, () => unknown, RegExp]>([
  [
    'nothing at all',
    () => createOkxCollector(undefined as Anything),
    /^OKX collector: the configuration is missing, expected an object such as \{ symbol: 'BTC-USDT', dataTypes: \['trade'\] \}$/,
  ],
  ['no type', () => createOkxCollector({ symbol: 'BTC-USDT' } as Anything), /dataTypes is missing, expected array/],
  [
    'another clock',
    () => new FakeSource({ ports: { clock: { now: () => 0 } } as never }),
    /ports: must be an object of ports: a clock with now, after and, better, elapsed/,
  ],
  ['a stream of candles where there are none', () => okxCollector().stream('candle'), /^stream: okx_BTC-USDT has no candle data/],
  [
    'a type that is none',
    () => okxCollector().addDataCallback('trades' as Anything, () => undefined),
    /the data type is "trades", did you mean "trade"\? \(allowed values: ticker, trade,/,
  ],
  [
    'a type that is no text',
    () => okxCollector().stream(undefined as Anything),
    /^stream: the data type is missing \(allowed values: ticker,/,
  ],
  [
    'a callback that is none',
    () => okxCollector().addDataCallback('trade', undefined as Anything),
    /^addDataCallback: the callback is missing, expected a function$/,
  ],
  [
    'a listener that is none',
    () => okxCollector().on('gap', {} as Anything),
    /^on: the listener of 'gap' is an object, expected a function$/,
  ],
  [
    'data as an event',
    () => okxCollector().on('trade' as 'gap', () => undefined),
    /^on: the event is "trade".* \(allowed values: status, error, .*\); trade data comes to addDataCallback and stream$/,
  ],
  [
    'an event of a manager',
    () => okxCollector().once('collectorError' as 'gap', () => undefined),
    /^once: the event is "collectorError"/,
  ],
  [
    'an event of a collector',
    () => new CollectorManager().on('restart' as 'health', () => undefined),
    /^on: the event is "restart".*collectorRestart/,
  ],
  [
    'a callback removed that is none',
    () => okxCollector().removeDataCallback('trade', 'x' as Anything),
    /^removeDataCallback: the callback is a string, expected a function$/,
  ],
  [
    'a sink that is none',
    () => okxCollector().addSink({} as Anything),
    /^addSink: the sink is an object, expected an object with the methods point, gap, frame, flush, issues, status$/,
  ],
  ['a symbol that is none', () => source().addSymbol(''), /^addSymbol: the symbol is empty, expected a text$/],
  ['a symbol that is no text', () => source().removeSymbol(7 as Anything), /^removeSymbol: the symbol is a number/],
  [
    'a trigger that is none',
    () => source().restart({ trigger: 'me' as Anything }),
    /^restart: the trigger is "me" \(allowed values: no-heartbeat/,
  ],
  ['a bound that is none', () => source().stream('trade', { highWaterMark: 0 }), /highWaterMark/],
  ['a policy that is none', () => source().stream('trade', { onOverflow: 'drop' as Anything }), /onOverflow is "drop"/],
  [
    'a signal that is none',
    () => source().stream('trade', { signal: new AbortController() as Anything }),
    /signal: must be an AbortSignal/,
  ],
  ['a deadline that is none', () => new CollectorManager().stop({ deadlineMs: NaN }), /deadlineMs/],
  [
    'a misspelt way to stop',
    () => new CollectorManager().stop({ forced: true } as Anything),
    /unknown key "forced", did you mean "force"\?/,
  ],
  [
    'a collector that is none',
    () => new CollectorManager().addCollector({} as Anything),
    /^addCollector: the collector is an object, expected an object with the methods start, stop,/,
  ],
  ['no collector', () => new CollectorManager().addCollector(undefined as Anything), /^addCollector: the collector is missing/],
  ['an exchange that is no text', () => getExchangeInfo(undefined as Anything), /^exchange is missing \(allowed values: okx/],
  [
    'nothing to stop',
    () => stopOnSignals(undefined as Anything),
    /^stopOnSignals: the target is missing, expected an object with the methods stop$/,
  ],
  [
    'a logger that is none',
    () => fromPino(console.log as Anything),
    /^fromPino: the logger is a function, expected an object with the methods debug,/,
  ],
  ['a level that is none', () => consoleLogger('trace' as Anything), /the level is trace \(allowed values: debug,/],
  ['a metric of nothing', () => createPrometheusMetrics().observe(undefined as Anything), /^observe: the collector is missing/],
  ['a recording without a name', () => createRecorder({ file: '' }), /file must have at least 1 character/],
  [
    'a misspelt option of the recorder',
    () => createRecorder({ file: 'x', zip: true } as Anything),
    /unknown key "zip", did you mean "gzip"\?/,
  ],
])('%s', (_name, call, words) => {
  const { code, message } = mistakeOf(call)
  expect(['CONFIG_INVALID', 'EXCHANGE_UNKNOWN']).toContain(code)
  expect(message).toMatch(words)
})

test.each<[string, () => Promise<unknown>, RegExp]>([
  ['pairs of nothing', () => ExchangeFactory.getSupportedPairs(undefined as Anything), /^exchange is missing/],
  [
    'pairs with options that are none',
    () => ExchangeFactory.getSupportedPairs('okx', null as Anything),
    /^listing options: the configuration is null, expected an object$/,
  ],
  [
    'a market that is none',
    () => ExchangeFactory.getInstruments('okx', 'spots' as Anything),
    /the market type is "spots", did you mean "spot"\?/,
  ],
  [
    'a replay of nothing',
    () => createReplay(undefined as Anything),
    /^createReplay: the source must be the name of a file, a URL, or lines/,
  ],
  ['a replay with options that are none', () => createReplay([], null as Anything), /^createReplay: the options is null/],
  [
    'a recording that is none',
    () => readRecording(undefined as Anything).next(),
    /^readRecording: the name of the file is missing/,
  ],
])('%s is a rejection', async (_name, call, words) => {
  expect(await rejection(call)).toMatchObject({ message: expect.stringMatching(words) as string })
})

test('what is right goes on as before', () => {
  const collector = okxCollector()
  const callback = () => undefined
  collector.addDataCallback('trade', callback)
  expect([collector.removeDataCallback('trade', callback), collector.removeDataCallback('trade', callback)]).toEqual([
    true,
    false,
  ])
  expect(collector.removeDataCallback('ticker', callback)).toBe(false)
  collector.on('gap', callback).off('gap', callback).off('gap', callback)
  expect(collector.listenerCount('gap')).toBe(0)
})

test('a source that delivers what it has not declared is told so, once, and keeps its data', async () => {
  const world = createTestWorld()
  const mine = new FakeSource({ dataTypes: ['candle'] }, world)
  const points: string[] = []
  mine.addSink({
    point: ({ dataType }) => void points.push(dataType),
    gap: () => undefined,
    frame: () => undefined,
    flush: () => Promise.resolve(),
    issues: () => [],
    status: () => [],
    cursorStore: undefined,
  })
  void mine.start()
  await world.clock.advance(5_000)
  expect(points.length).toBeGreaterThan(2)
  expect(mine.faults.map(({ code, message }) => [code, message])).toEqual([
    [
      'CONFIG_INVALID',
      'fake_collector delivers trade data, but its dataTypes are candle; candles are not made of them here: `new CandleAggregator(…)` makes them',
    ],
  ])
  expect(mistakeOf(() => mine.stream('trade')).message).toContain('fake_collector has no trade data: its dataTypes are candle')
  void mine.stop()
  await world.clock.advance(10_000)
})

test('a point of a type that is none costs that message, in words', async () => {
  const world = createTestWorld()
  class Wrong extends FakeSource {
    protected override processMessage() {
      return { ...this.trade('1'), dataType: 'trades' as never }
    }
  }
  const mine = new Wrong({}, world)
  void mine.start()
  await world.clock.advance(3_000)
  expect(mine.faults[0]?.message).toMatch(/^deliver: the data type of the point is "trades", did you mean "trade"\?/)
  expect(mine.getStatus().statistics.messagesProcessed).toBe(0)
  void mine.stop()
  await world.clock.advance(10_000)
})

test('a callback for data that is not collected is told at once, and stops nothing', () => {
  const collector = okxCollector()
  const told: string[] = []
  collector.on('error', ({ code, message }) => told.push(`${code} ${message}`))
  collector.addDataCallback('ticker', () => undefined)
  expect(told).toEqual([
    expect.stringMatching(
      /^CONFIG_INVALID addDataCallback: okx_BTC-USDT has no ticker data: its dataTypes are trade, orderbook$/,
    ),
  ])
})
