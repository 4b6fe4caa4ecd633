import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import { createRecorder, readRecording, type RecordingLine } from 'tapekeeper/node'
import { createVirtualExchange } from 'tapekeeper/testing'
import { RecordingWriter } from '../../src/recording/recording-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-recorder-'))
afterAll(() => rmSync(folder, { recursive: true }))

const HEADER = { format: 'tapekeeper-recording', version: 1 } as const
const line = (t: number) => ({ t, d: 'in', m: 'x'.repeat(1_000), c: 1 }) as const
const END = { t: 9, d: 'end', m: '' } as const

async function allOf(file: string): Promise<RecordingLine[]> {
  const lines: RecordingLine[] = []
  for await (const each of readRecording(file)) lines.push(each)
  return lines
}

test('an earlier recording is never written over', () => {
  const file = join(folder, 'earlier.ndjson')
  writeFileSync(file, 'precious')
  expect(() => createRecorder({ file })).toThrow(/cannot be made: EEXIST/)
  expect(() => createRecorder({ file: join(folder, 'no', 'such', 'folder') })).toThrow(/ENOENT/)
  expect(readFileSync(file, 'utf8')).toBe('precious')
})

test('a disk that cannot keep up costs lines, which are counted in the file as well', async () => {
  const waiting: (() => void)[] = []
  const written: string[] = []
  const slow = new Writable({
    highWaterMark: 1_000,
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString())
      waiting.push(done)
    },
  })
  const writer = new RecordingWriter(
    { file: '', gzip: false, maxBufferedBytes: 200_000, onError: () => undefined },
    HEADER,
    () => slow,
  )
  for (let t = 0; t < 400; t++) writer.write(line(t))
  expect(writer.dropped).toBeGreaterThan(100)
  expect(writer.backPressure).toBeGreaterThan(0)
  const { dropped } = writer
  const draining = setInterval(() => waiting.shift()?.(), 1)
  await expect.poll(() => slow.writableLength).toBe(0)
  writer.write(line(500))
  await writer.close(END)
  clearInterval(draining)
  const lines = written
    .join('')
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as RecordingLine)
  expect(lines.slice(-3)).toEqual([{ t: 500, d: 'lost', m: '', lines: dropped }, line(500), END])
  expect(lines).toHaveLength(writer.lines)
  expect(Buffer.byteLength(written.join(''))).toBe(writer.bytes)
})

test.each([false, true])('a broken disk is reported once and stops nothing (gzip: %s)', async (gzip) => {
  const errors: Error[] = []
  const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('ENOSPC: no space left on device')) })
  const onError = (error: Error) => {
    errors.push(error)
    throw new Error('a broken handler')
  }
  const writer = new RecordingWriter({ file: '', gzip, maxBufferedBytes: 1e9, onError }, HEADER, () => broken)
  for (let t = 0; t < 200; t++) writer.write(line(t))
  await expect.poll(() => errors.length).toBe(1)
  writer.write(line(1))
  await writer.close(END)
  await writer.close(END)
  expect(writer.errors).toBe(1)
  expect(writer.dropped).toBeGreaterThan(0)
  expect(errors[0]?.message).toMatch(/ENOSPC/)
})

test('a redaction that throws costs its line, not the frame', async () => {
  const fake = createVirtualExchange({ seed: 1 })
  const file = join(folder, 'throws.ndjson')
  const errors: string[] = []
  const redact = (text: string) => {
    if (text.includes('subscribe')) throw new Error('no')
    return text
  }
  const recorder = createRecorder({ file, ports: fake.ports, redact, onError: ({ message }) => errors.push(message) })
  const texts: string[] = []
  const socket = recorder.ports.socket(fake.endpoints.public, {
    onOpen: () => socket.send('{"id":"1","op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}'),
    onText: (text) => texts.push(text),
    onBinary: () => undefined,
    onClose: () => undefined,
  })
  await fake.clock.advance(2_000)
  socket.terminate()
  await recorder.close()
  await fake.close()
  expect(texts[0]).toContain('"event":"subscribe"')
  expect(errors).toEqual(['a line could not be recorded: no', 'a line could not be recorded: no'])
  expect(recorder.errors).toBe(2)
  const kinds = (await allOf(file)).map((each) => ('d' in each ? each.d : 'header'))
  expect(kinds.slice(0, 4)).toEqual(['header', 'dial', 'open', 'in'])
  expect(kinds.slice(-3)).toEqual(['bye', 'close', 'end'])
  expect(recorder.frames).toBe(texts.length + 1)
})

test('what a recorder was told before it was closed is readable while it runs, compressed or not', async () => {
  for (const name of ['running.ndjson', 'running.ndjson.gz']) {
    const fake = createVirtualExchange({ seed: 1 })
    const file = join(folder, name)
    await using recorder = createRecorder({ file, exchange: 'okx', ports: fake.ports })
    await recorder.note('hello')
    await expect.poll(async () => (existsSync(file) ? (await allOf(file)).length : 0)).toBe(2)
    expect(await allOf(file)).toMatchObject([
      { exchange: 'okx', source: 'tapekeeper' },
      { d: 'note', m: 'hello' },
    ])
    await fake.close()
  }
})
