import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as realMoment } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  createOkxCollector,
  DataType,
  ExchangeFactory,
  LOG_LEVELS,
  type Logger,
  type OkxCollector,
  type OkxCollectorConfig,
  type Ports,
} from 'tapekeeper'
import { createRecorder, type Recorder } from 'tapekeeper/node'
import { createFileLogger, type FileLogger } from 'tapekeeper/pino'
import { createVirtualExchange, type FakeEndpoints, type VirtualExchange, type VirtualOptions } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'

/** Unlike anything that stands in code, logs or data. */
const KEYS = {
  apiKey: 'deadbeef-1111-4222-8333-a11ce0b0b999',
  secret: 'SECRETdeadbeef0123456789SECRET',
  passphrase: 'Passphrase-Xyzzy-42',
}
const URL_SECRETS = { user: 'proxyuser-q1', password: 'proxypass-q2', token: 'proxytoken-q3' }
/** Under a name that a recorder cannot know; its `redact` is for those. */
const OTHER_KEY = 'proxykey-q4'
/** What is sent for user and password of the URL. */
const HEADER = Buffer.from(`${URL_SECRETS.user}:${URL_SECRETS.password}`).toString('base64')

const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-secrets-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let fake: VirtualExchange
let recorder: Recorder
let ports: Ports
let files: FileLogger
let logger: Logger
let directory = ''
let runs = 0
const collectors: OkxCollector[] = []
/** Everything that a program can get to see or keep. */
let seen: string[] = []

/** In every form in which something may be written down. */
function note(value: unknown): void {
  seen.push(
    inspect(value, { depth: 20, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null }),
    json(value),
  )
  if (!(value instanceof Error)) return
  seen.push(String(value), value.message, value.stack ?? '')
  note(Object.fromEntries(Object.entries(value)))
  if (value.cause !== undefined) note(value.cause)
}

function json(value: unknown): string {
  try {
    const text: unknown = JSON.stringify(value)
    return typeof text === 'string' ? text : ''
  } catch {
    return ''
  }
}

function withSecrets(endpoints: FakeEndpoints): Record<keyof FakeEndpoints, string> {
  const { user, password, token } = URL_SECRETS
  const dress = (url: string): string => `${url.replace('://', `://${user}:${password}@`)}?token=${token}&k=${OTHER_KEY}`
  const { private: ofAccount, business, rest } = endpoints
  return { public: dress(endpoints.public), business: dress(business), private: dress(ofAccount), rest: dress(rest) }
}

/** A recording is what the exchange sent, whole: of an exchange that quotes secrets none is made. */
function setUp(options: VirtualOptions = {}, wrap: (real: Ports) => Ports = (real) => real, isRecorded = true): void {
  fake = createVirtualExchange({ seed: 5, tradesPerSecond: 20, credentials: KEYS, ...options })
  recorder = createRecorder({
    file: join(directory, 'recording.ndjson'),
    exchange: 'okx',
    ports: wrap(fake.ports),
    redact: (text) => text.replaceAll(OTHER_KEY, 'hidden'),
  })
  ports = isRecorded ? recorder.ports : wrap(fake.ports)
}

function collector(config: Partial<OkxCollectorConfig> = {}): OkxCollector {
  const made = createOkxCollector({
    symbol: 'BTC-USDT',
    dataTypes: [DataType.Balance],
    credentials: KEYS,
    endpoints: withSecrets(fake.endpoints),
    ports,
    logger,
    storeRawData: true,
    ...config,
  })
  for (const event of ['status', 'error', 'subscription', 'raw', 'restart', 'book', 'gap'] as const) made.on(event, note)
  for (const dataType of made.dataTypes) made.addDataCallback(dataType, note)
  collectors.push(made)
  return made
}

const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(fake.clock, promise)
const trades = (): OkxCollector => collector({ dataTypes: ['trade', 'orderbook'], orderBook: { depth: 400 } })

function takeReports(): void {
  for (const each of collectors) {
    note(each)
    note(each.lastError)
    note(each.getStatus())
    note(each.getHealthStatus())
    note(each.getConnections())
    note(each.getCompleteness())
  }
}

beforeEach(() => {
  directory = join(folder, String(++runs))
  mkdirSync(directory)
  seen = []
  files = createFileLogger({ directory, level: 'debug' })
  const tell =
    (level: (typeof LOG_LEVELS)[number]): Logger[typeof level] =>
    (message, fields) => {
      note({ level, message, fields })
      files[level](message, fields)
    }
  logger = { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') }
  for (const level of LOG_LEVELS) vi.spyOn(console, level).mockImplementation((...args: unknown[]) => note(args))
})

afterEach(async () => {
  takeReports()
  await later(Promise.all(collectors.splice(0).map((each) => each.stop())))
  await recorder.close()
  await files.close()
  await fake.close()
  vi.restoreAllMocks()
  const written = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'))
  // That there was something to find a secret in.
  expect(seen.length).toBeGreaterThan(0)
  expect(written.join('').length).toBeGreaterThan(100)
  const everything = [...seen, ...written].join('\n')
  for (const [name, secret] of Object.entries({ ...KEYS, ...URL_SECRETS, other: OTHER_KEY, header: HEADER, ...signatures() })) {
    const at = everything.indexOf(secret)
    expect(at < 0 ? '' : everything.slice(Math.max(0, at - 300), at + 300), name).toBe('')
  }
})

/** As computed for the logins that reached the exchange. */
function signatures(): Record<string, string> {
  const found = fake.requests.flatMap(({ op, args }) => (op === 'login' ? args.map(({ sign }) => String(sign)) : []))
  return Object.fromEntries(found.map((sign, i) => [`signature ${i}`, sign]))
}

describe('no secret is seen or kept', () => {
  test('after a successful login', async () => {
    setUp()
    const account = collector()
    expect(await later(Promise.all([account.start(), trades().start()]))).toEqual([true, true])
    await fake.clock.advance(10_000)
    expect(Object.keys(signatures())).toHaveLength(1)
    expect(account.getStatus().statistics.messagesProcessed).toBeGreaterThan(0)
    fake.setBalance('BTC', { available: '1' })
    await fake.clock.advance(1_000)
  })

  test('after a refused login, also when the exchange quotes what it was sent', async () => {
    setUp({}, undefined, false)
    const { apiKey, passphrase } = KEYS
    const { token } = URL_SECRETS
    fake.rejectLogins('60005', `Invalid apiKey ${apiKey}, passphrase ${passphrase}, at ?token=${token}`)
    const account = collector()
    expect(await later(account.start())).toBe(false)
    expect(account.lastError).toMatchObject({ code: 'AUTH_FAILED', message: expect.stringContaining('[redacted]') as string })
  })

  test('after a login that is refused for a while', async () => {
    setUp({}, undefined, false)
    fake.rejectLogins('50026', `System error for ${KEYS.apiKey}`)
    const account = collector({ startTimeoutMs: 5_000 })
    expect(await later(account.start())).toBe(false)
    fake.acceptSubscriptions()
    // Signing takes real time, of which there is little on a busy machine: virtual time must not run away from it.
    for (let second = 0; second < 300 && account.status !== 'running'; second++) {
      await fake.clock.advance(1_000)
      await realMoment(5)
    }
    expect(account.status).toBe('running')
    expect(Object.keys(signatures()).length).toBeGreaterThan(1)
  })

  test('after a login with a wrong secret', async () => {
    setUp({ credentials: { ...KEYS, secret: 'another' } })
    expect(await later(collector().start())).toBe(false)
    expect(collectors[0]?.lastError?.code).toBe('AUTH_FAILED')
  })

  test.each([
    ['which REST corrects', false],
    ['which REST cannot correct', true],
  ])('with a wrong clock %s', async (_name, failing) => {
    const skewed = (real: Ports): Ports => ({
      ...real,
      clock: { ...real.clock, now: () => fake.clock.now() - 3_600_000, after: (...args) => fake.clock.after(...args) },
    })
    setUp({}, skewed)
    if (failing) fake.failRest({ path: '/public/time' })
    const account = collector()
    expect(await later(account.start())).toBe(!failing)
    expect(Object.keys(signatures()).length).toBeGreaterThan(0)
  })

  test('when sockets are lost, refused, silent or damaged', async () => {
    setUp()
    await later(Promise.all([collector().start(), trades().start()]))
    fake.drop()
    await fake.clock.advance(10_000)
    fake.halfOpen()
    await fake.clock.advance(20_000)
    fake.refuse({ status: 503 })
    fake.drop()
    await fake.clock.advance(20_000)
    fake.accept()
    await fake.clock.advance(40_000)
    for (const each of collectors) expect(each.status).toBe('running')
    fake.corrupt('truncated')
    fake.notice({ closeAfterMs: 1_000 })
    await fake.clock.advance(5_000)
    for (const each of collectors) each.rollover()
    await fake.clock.advance(5_000)
    for (const each of collectors) expect(await later(each.restart())).toBe(true)
    expect(Object.keys(signatures()).length).toBeGreaterThan(2)
  })

  test('when REST fails', async () => {
    setUp()
    fake.failRest()
    const target = trades()
    await later(target.start())
    fake.drop()
    await fake.clock.advance(30_000)
    for (const fault of [{ status: 429, retryAfterSeconds: 30 }, { cut: true }, { status: 404 }, { code: '50026' }] as const) {
      fake.healRest()
      fake.failRest(fault)
      fake.drop()
      await fake.clock.advance(60_000)
    }
    const rest = withSecrets(fake.endpoints).rest
    note(
      await later(
        ExchangeFactory.getInstruments('okx', 'future', { endpoints: { rest }, ports }).catch((error: unknown) => error),
      ),
    )
    expect(fake.restRequests.length).toBeGreaterThan(5)
    expect(seen.join('')).toContain('http://okx.test/api/v5/')
  })

  test('when platform and host quote the URL: a socket that cannot be made, an HTTP client that says all', async () => {
    const quoting = (real: Ports): Ports => ({
      ...real,
      socket: (url, handlers) => {
        if (url.includes('business')) throw new SyntaxError(`The URL '${url}' is invalid.`)
        real.clock.after(1, () =>
          handlers.onClose({ code: 4_000, reason: `no such path: ${url} for Basic ${HEADER}`, error: new Error(url) }),
        )
        return { send: () => undefined, close: () => undefined, terminate: () => undefined }
      },
      http: ({ url }) => {
        if (url.includes('SWAP'))
          return Promise.resolve({ status: 404, header: () => undefined, text: `<p>Cannot GET ${url} (${HEADER})` })
        return Promise.reject(Object.assign(new Error(`Request failed: ${url} ${HEADER}`), { config: { url } }))
      },
    })
    setUp({}, quoting, false)
    for (const symbol of ['BTC-USDT', 'BTC-USDT-PERP']) {
      const config = { symbol, dataTypes: ['trade', 'candle'], candles: { source: 'exchange' }, startTimeoutMs: 2_000 } as const
      void later(collector(config).start())
    }
    await fake.clock.advance(10_000)
    const rest = withSecrets(fake.endpoints).rest
    const ask = (market: 'spot' | 'perpetual') =>
      ExchangeFactory.getInstruments('okx', market, { endpoints: { rest }, ports: { ...ports } })
    for (const market of ['spot', 'perpetual'] as const) note(await later(ask(market).catch((error: unknown) => error)))
    expect(seen.join('')).toContain('Cannot GET')
  })
})

describe('no secret is quoted by a configuration error', () => {
  const good = { exchange: 'okx', symbol: 'BTC-USDT', dataTypes: ['balance'], credentials: KEYS }
  test.each<[string, Record<string, unknown>]>([
    ['a misspelt key', { credentials: { ...KEYS, passphrase: undefined, pasphrase: KEYS.passphrase } }],
    ['an unknown key', { credentials: { ...KEYS, key: KEYS.apiKey } }],
    ['a secret as a list', { credentials: { ...KEYS, secret: [KEYS.secret] } }],
    ['a secret as an object', { credentials: { ...KEYS, secret: { value: KEYS.secret } } }],
    ['text in place of the object', { credentials: JSON.stringify(KEYS) }],
    ['a list in place of the object', { credentials: [KEYS.apiKey, KEYS.secret, KEYS.passphrase] }],
    ['keys at the top', { credentials: undefined, ...KEYS }],
    ['keys among the parameters', { credentials: undefined, customParams: KEYS }],
    [
      'no WebSocket URL',
      { endpoints: { public: `http://${URL_SECRETS.user}:${URL_SECRETS.password}@host?token=${URL_SECRETS.token}` } },
    ],
    ['no URL', { endpoints: { rest: `${URL_SECRETS.user}:${URL_SECRETS.password}@host` } }],
    ['an endpoint that does not exist', { endpoints: { pubic: `wss://${URL_SECRETS.user}:${URL_SECRETS.password}@host` } }],
    ['endpoints as text', { endpoints: `wss://${URL_SECRETS.user}:${URL_SECRETS.password}@host` }],
  ])('%s', async (_name, wrong) => {
    setUp()
    await later(trades().start())
    const config = { ...good, ...wrong }
    note(ExchangeFactory.validateConfig(config))
    const create = (): unknown => ExchangeFactory.createCollector(config as never)
    expect(create).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error)
    try {
      create()
    } catch (error) {
      note(error)
    }
  })
})
