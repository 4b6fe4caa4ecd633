import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { constants, gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { TapekeeperError } from 'tapekeeper'
import { createReplay, readRecording, type RecordingLine } from 'tapekeeper/node'
import fc from '../support/fast-check.ts'
import { property } from '../support/runs.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-read-'))
afterAll(() => rmSync(folder, { recursive: true }))

const file = join(folder, 'recording')
const HEADER = { format: 'tapekeeper-recording', version: 1, exchange: 'okx', source: 'here' }

async function read(content: string | Uint8Array): Promise<{ lines: RecordingLine[]; error: unknown }> {
  writeFileSync(file, content)
  const lines: RecordingLine[] = []
  try {
    for await (const line of readRecording(file)) lines.push(line)
    return { lines, error: undefined }
  } catch (error) {
    return { lines, error }
  }
}

const textOf = (lines: readonly unknown[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

const anyLine = fc.oneof(
  fc.record({ t: fc.integer({ min: 0 }), d: fc.constantFrom('open', 'out', 'in'), m: fc.string({ unit: 'binary' }) }),
  fc.record({ t: fc.integer({ min: 0 }), d: fc.constant('in'), m: fc.string({ unit: 'grapheme' }), c: fc.nat() }),
  fc.record({ t: fc.integer({ min: 0 }), url: fc.webUrl(), body: fc.string() }),
)
const session = fc.array(anyLine, { minLength: 1, maxLength: 20 }).map((lines) => [HEADER, ...lines])
/** A file as the recorder leaves it: flushed now and then. */
const zipped = (text: string): Buffer => gzipSync(text, { finishFlush: constants.Z_SYNC_FLUSH })

test('whatever a process was killed in the middle of, every whole line is read', async () => {
  await fc.assert(
    fc.asyncProperty(session, fc.nat(), async (lines, at) => {
      const bytes = Buffer.from(textOf(lines))
      const cut = bytes.subarray(0, at % (bytes.length + 1))
      const { lines: found, error } = await read(cut)
      expect(error).toBeUndefined()
      // The last newline may be what is missing.
      const whole = cut.toString().split('\n').length - 1
      expect([whole, whole + 1]).toContain(found.length)
      expect(found).toEqual(lines.slice(0, found.length))
    }),
    property({ quick: 60, deep: 300 }),
  )
})

test('the same for a compressed one', async () => {
  await fc.assert(
    fc.asyncProperty(session, fc.nat(), async (lines, at) => {
      const bytes = zipped(textOf(lines))
      // One byte is no gzip header yet.
      const cut = bytes.subarray(0, 2 + (at % (bytes.length - 1)))
      const { lines: found, error } = await read(cut)
      expect(error).toBeUndefined()
      expect(found).toEqual(lines.slice(0, found.length))
      if (cut.length === bytes.length) expect(found).toEqual(lines)
    }),
    property({ quick: 60, deep: 300 }),
  )
})

test('garbage at the end costs nothing but itself', async () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => bytes.map((byte) => (byte === 10 ? 0 : byte))),
    fc.nat(5_000).map((length) => new Uint8Array(length)),
  )
  await fc.assert(
    fc.asyncProperty(session, garbage, async (lines, tail) => {
      const { lines: found, error } = await read(Buffer.concat([Buffer.from(textOf(lines)), tail]))
      expect(error).toBeUndefined()
      expect(found).toEqual(lines)
    }),
    property({ quick: 60, deep: 300 }),
  )
})

test('garbage in a compressed file is never taken for data', async () => {
  await fc.assert(
    fc.asyncProperty(session, fc.uint8Array({ minLength: 20, maxLength: 300 }), async (lines, tail) => {
      const { lines: found, error } = await read(Buffer.concat([zipped(textOf(lines)), tail]))
      // What is unpacked together with the damage is lost with it.
      expect(found).toEqual(lines.slice(0, found.length))
      if (error !== undefined) expect(error).toMatchObject({ code: 'CONFIG_INVALID', context: { file } })
    }),
    property({ quick: 40, deep: 200 }),
  )
})

test.each([
  ['not JSON', '{"t":1', /:2: .*JSON/],
  ['not an object', '[1]', /:2: not an object/],
  ['no time', '{"d":"in","m":""}', /:2: "t" is not a number/],
  ['an infinite time', '{"t":1e999,"d":"in","m":""}', /:2: "t" is not a number/],
  ['no text', '{"t":1,"d":"in"}', /:2: "m" is not a string/],
  ['no body', '{"t":1,"url":"x"}', /:2: "body" is not a string/],
  ['a connection that is no number', '{"t":1,"d":"in","m":"","c":"1"}', /:2: "c" is not a number/],
  ['headers that are no texts', '{"t":1,"url":"x","body":"","headers":{"a":1}}', /:2: "headers"/],
  ['another header', JSON.stringify(HEADER), /:2: a second header/],
])('%s, amid the file, is an error that names the line', async (_what, bad, message) => {
  const { lines, error } = await read(`${textOf([HEADER])}${bad}\n\n${textOf([{ t: 2, d: 'in', m: 'x' }])}`)
  expect(lines).toEqual([HEADER])
  expect(TapekeeperError.is(error)).toBe(true)
  expect(error).toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(message) as string,
    context: { file, line: 2 },
  })
})

test('a version or a format of another kind, a missing file and a wrong speed are errors', async () => {
  const second = textOf([{ t: 2, d: 'in', m: 'x' }])
  expect((await read(`{"format":"tapekeeper-recording","version":2}\n${second}`)).error).toMatchObject({ context: { line: 1 } })
  expect((await read(`{"format":"cassette","version":1}\n${second}`)).error).toMatchObject({ context: { line: 1 } })
  await expect(createReplay(join(folder, 'missing'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  for (const speed of [0, -1, NaN, Infinity]) await expect(createReplay([], { speed })).rejects.toThrow(/speed must be/)
})

test('lines of a kind that a later version may have are left out; a URL is as good as a name', async () => {
  await read(textOf([HEADER, { t: 1, d: 'weather', m: 'rain' }, { t: 2, d: 'close' }]))
  const lines: RecordingLine[] = []
  for await (const line of readRecording(pathToFileURL(file))) lines.push(line)
  expect(lines).toEqual([HEADER, { t: 2, d: 'close', m: '' }])
})

test('a line may be far longer than what is read at once', async () => {
  const lines = [HEADER, { t: 1, d: 'in', m: 'x'.repeat(8_000_000) }, { t: 2, d: 'in', m: 'y' }]
  const from = performance.now()
  expect((await read(zipped(textOf(lines)))).lines).toEqual(lines)
  expect(performance.now() - from).toBeLessThan(5_000)
})

test.each([
  ['plain', (text: string) => Buffer.from(text)],
  ['compressed', (text: string) => zipped(text)],
])('a line without an end does not fill the memory: %s', async (_name, write) => {
  // 70 MB of spaces: of the compressed file 70 kB.
  const { lines, error } = await read(write(`${textOf([HEADER])}{"t":1,"d":"in","m":"${' '.repeat(70_000_000)}`))
  expect(lines).toEqual([HEADER])
  expect(error).toMatchObject({
    code: 'CONFIG_INVALID',
    message: `${file}:2: a line of more than 67108864 characters`,
    context: { file, line: 2 },
  })
})
