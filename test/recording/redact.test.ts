import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createOkxCollector, silentLogger } from 'tapekeeper'
import { createRecorder, createReplay } from 'tapekeeper/node'
import { createVirtualExchange, DEFAULT_CREDENTIALS } from 'tapekeeper/testing'
import { redact, redactSent, redactUrl } from '../../src/recording/redact.ts'

test.each([
  ['{"op":"login","args":[{"apiKey":"k1","passphrase":"p\\"2","timestamp":"1","sign":"s3="}]}', ['k1', 'p\\"2', 's3=']],
  ['{"secret" : "k1", "Signature":12345, "x":1}', ['k1', '12345']],
  ['{"m":"{\\"apiKey\\":\\"k1\\",\\"b\\":2}"}', ['k1']],
  ['{"api_key":"k1","secretKey":"k2","listenKey":"k3","OK-ACCESS-SIGN":"k4"}', ['k1', 'k2', 'k3', 'k4']],
  ['{"op":"auth","args":["k1",1662350400000,"s2"]}', ['k1', 's2']],
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
