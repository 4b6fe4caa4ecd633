import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createOkxCollector, silentLogger, systemPorts } from 'tapekeeper'
import { createRecorder, createReplay } from 'tapekeeper/node'
import { createVirtualExchange, DEFAULT_CREDENTIALS } from 'tapekeeper/testing'
import { redact, redactSent, redactUrl } from '../../src/recording/redact.ts'
import fc from '../support/fast-check.ts'
import { property } from '../support/runs.ts'

test.each([
  ['{"op":"login","args":[{"apiKey":"k1","passphrase":"p\\"2","timestamp":"1","sign":"s3="}]}', ['k1', 'p\\"2', 's3=']],
  ['{"secret" : "k1", "Signature":12345, "x":1}', ['k1', '12345']],
  ['{"m":"{\\"apiKey\\":\\"k1\\",\\"b\\":2}"}', ['k1']],
  ['{"api_key":"k1","secretKey":"k2","listenKey":"k3","OK-ACCESS-SIGN":"k4"}', ['k1', 'k2', 'k3', 'k4']],
  ['{"op":"auth","args":["k1",1662350400000,"s2"]}', ['k1', 's2']],
  [JSON.stringify({ m: JSON.stringify({ sign: 'p"2\\', n: { secret: 'q\\"3' }, x: 1 }) }), ['p', '2', 'q', '3']],
  [
    JSON.stringify({ m: JSON.stringify({ m: JSON.stringify({ token: 'a"b\\', after: 'z' }), sign: 123 }) }),
    ['a', 'b', '123'].slice(2),
  ],
  ['{"method":"session.logon","params":{"apiKey":"k1","signature":"s2","timestamp":1}}', ['k1', 's2']],
])('%s keeps its shape and loses its secrets', (text, secrets) => {
  const shown = redactSent(text)
  for (const secret of secrets) expect(shown).not.toContain(secret)
  const shape = (json: string) =>
    JSON.stringify(JSON.parse(json), (_key, value: unknown) => (typeof value === 'object' && value !== null ? value : 0))
  expect(shape(shown)).toBe(shape(text))
})

test('what is no secret stays as it is, to the byte', () => {
  for (const text of ['{"arg":{"channel":"trades"},"data":[{"sig":"1","signs":"2","px":"3"}]}', 'pong', '{"a" :1.0}', '']) {
    expect(redact(text)).toBe(text)
    expect(redactSent(text)).toBe(text)
  }
})

test('secrets leave URLs and half frames, too', () => {
  expect(redactUrl('https://me:pw@x.example/a?signature=abc&symbol=BTC')).toBe(
    'https://x.example/a?signature=[redacted]&symbol=BTC',
  )
  expect(redact('{"op":"x","sign":"abc')).toBe('{"op":"x","sign":"[redacted]"')
  expect(redactSent('{"op":"login","args":["abc"')).toBe('[redacted]')
})

test('a secret of any characters is taken out at any depth, and everything else stays', () => {
  const value = fc.string({ unit: fc.constantFrom('"', '\\', 'S', ' ', ',', '}', ':', '\n') })
  fc.assert(
    fc.property(value, value, fc.nat(3), (secret, other, depth) => {
      const nest = (shown: string): string => {
        let text = JSON.stringify({ before: other, apiKey: shown, after: other })
        for (let i = 0; i < depth; i++) text = JSON.stringify({ m: text, after: other })
        return text
      }
      expect(redact(nest(secret))).toBe(nest('[redacted]'))
    }),
    property({ quick: 500, deep: 20_000 }),
  )
})

test('the time grows with the length of a text and no faster, whatever the text is', () => {
  const units = [
    '\\',
    '"sign',
    '"sign"',
    '\\"sign',
    '"sign\\',
    '"sign":"',
    '\\"sign\\":\\"',
    ' ',
    '"sign" ',
    '?sign=',
    'a://',
    'a',
    'ok-access-',
    '@',
    ':',
    'basic ',
  ]
  // Of quadratic work on one of these nobody would see the end.
  for (const [first, second] of units.flatMap((a) => units.map((b) => [a, b] as const))) {
    const text = `sign ${first.repeat(200_000 / first.length)}${second.repeat(200_000 / second.length)}`
    expect(redactUrl(text).length).toBeLessThan(20 * text.length)
    expect(redactSent(text).length).toBeLessThan(20 * text.length)
  }
})

test('what a URL logs in with is not in what is heard under it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-redact-'))
  const file = join(folder, 'login.ndjson')
  const header = Buffer.from('someone:pa$$word').toString('base64')
  const body = `{"msg":"no: Basic ${header}, pa$$word, ${encodeURIComponent('pa$$word')}, ${Buffer.from('x someone:pa$$word').toString('base64url')}"}`
  const http = () => Promise.resolve({ status: 200, header: () => undefined, text: body })
  const recorder = createRecorder({ file, ports: { ...systemPorts, http } })
  await recorder.ports.http({ url: 'https://someone:pa%24%24word@host.example/x' })
  await recorder.close()
  const text = readFileSync(file, 'utf8')
  rmSync(folder, { recursive: true })
  expect(text).toContain(String.raw`{\"msg\":\"no: Basic [redacted], [redacted], [redacted], [redacted]\"}`)
  expect(text).not.toContain('word')
})

test('no secret of a private session reaches the file, and its replay logs in all the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-redact-'))
  const file = join(folder, 'private.ndjson')
  const fake = createVirtualExchange({ seed: 4 })
  const recorder = createRecorder({ file, ports: fake.ports, redact: (text) => text.replace(/"uid":"\d+"/g, '"uid":"1"') })
  const config = {
    symbol: 'BTC-USDT',
    dataTypes: ['balance' as const],
    endpoints: fake.endpoints,
    credentials: DEFAULT_CREDENTIALS,
    logger: silentLogger,
  }
  const collector = createOkxCollector({ ...config, ports: recorder.ports })
  const balances: unknown[] = []
  collector.addDataCallback('balance', ({ data }) => balances.push(data.asset))
  void collector.start()
  for (let i = 0; i < 100; i++) await fake.clock.advance(50)
  expect(collector.status).toBe('running')
  void collector.stop()
  await fake.clock.advance(5_000)
  await recorder.close()

  const text = readFileSync(file, 'utf8')
  const sent = fake.requests.find(({ op }) => op === 'login')
  const { sign } = (JSON.parse(sent?.text ?? '') as { args: [{ sign: string }] }).args[0]
  const { apiKey, secret: key, passphrase } = DEFAULT_CREDENTIALS
  for (const secret of [apiKey, key, passphrase, sign]) expect(text).not.toContain(secret)
  expect(text).toContain(String.raw`{\"op\":\"login\",\"args\":[{\"apiKey\":\"[redacted]\",\"passphrase\":\"[redacted]\"`)
  expect(text).toContain(String.raw`\"uid\":\"1\"`)
  expect(text).not.toMatch(/uid\\":\\"\d\d/)

  const replay = await createReplay(file)
  const replayed = createOkxCollector({ ...config, ports: replay.ports })
  const again: unknown[] = []
  replayed.addDataCallback('balance', ({ data }) => again.push(data.asset))
  void replayed.start()
  await replay.run()
  await replayed.stop()
  expect(balances).toContain('BTC')
  expect(again).toEqual(balances)
  await fake.close()
  rmSync(folder, { recursive: true })
})
