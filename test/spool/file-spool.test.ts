import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'
import { createFileSpool } from 'tapekeeper/node'
import { drained, newDirectory, scanned, segmentsIn } from './spool-world.ts'

const numbered = (from: number, count: number) => Array.from({ length: count }, (_, index) => `line ${from + index}`)

test('lines come out as they went in, also in the next process', async () => {
  const directory = newDirectory()
  const spool = createFileSpool({ directory })
  const lane = spool.lane('okx_BTC-USDT')
  await lane.open()
  await lane.open()
  await lane.append(numbered(0, 5))
  await lane.append([])
  await lane.append(numbered(5, 5))
  expect(await lane.read(3)).toEqual(numbered(0, 3))
  await lane.drop(3)
  expect(await lane.read(4)).toEqual(numbered(3, 4))
  await lane.close()
  await lane.close()

  const later = spool.lane('okx_BTC-USDT')
  expect([later.lines, later.bytes]).toEqual([0, 0])
  await later.open()
  expect(later.lines).toBe(7)
  await later.append(numbered(10, 2))
  expect(await scanned(later)).toEqual(numbered(3, 9))
  expect(await drained(later, 2)).toEqual(numbered(3, 9))
  expect([later.lines, later.bytes]).toEqual([0, 0])
  expect(segmentsIn(join(directory, 'okx_BTC-USDT~3v'))).toEqual([])
  await later.close()
})

test('lanes of one spool do not touch each other', async () => {
  const spool = createFileSpool({ directory: newDirectory() })
  const names = ['a', 'A', '..', 'a/b', '']
  const lanes = names.map((name) => spool.lane(name))
  await Promise.all(lanes.map((lane) => lane.open()))
  await Promise.all(lanes.map((lane, index) => lane.append([names[index]!])))
  for (const [index, lane] of lanes.entries()) expect(await scanned(lane)).toEqual([names[index]])
  await Promise.all(lanes.map((lane) => lane.close()))
})

test('what is asked for at the same time is done in order', async () => {
  const lane = createFileSpool({ directory: newDirectory(), segmentBytes: 1_000 }).lane('l')
  const opening = lane.open()
  const appends = Array.from({ length: 50 }, (_, index) => lane.append(numbered(index * 10, 10)))
  const reading = lane.read(500)
  const dropping = lane.drop(495)
  const rest = lane.read(500)
  const closing = lane.close()
  await Promise.all([opening, ...appends, dropping, closing])
  expect(await reading).toEqual(numbered(0, 500))
  expect(await rest).toEqual(numbered(495, 5))
})

test('lines that are dropped during a scan, or appended, do it no harm', async () => {
  const lane = createFileSpool({ directory: newDirectory(), segmentBytes: 100 }).lane('l')
  await lane.open()
  for (let at = 0; at < 50; at += 5) await lane.append(numbered(at, 5))
  const seen: string[] = []
  for await (const line of lane.scan()) {
    if (seen.push(line) === 7) {
      await lane.append(['later'])
      await lane.drop(20)
    }
  }
  expect(seen.slice(0, 7)).toEqual(numbered(0, 7))
  expect(seen.slice(-30)).toEqual(numbered(20, 30))
  // A scan that is given up holds nothing open.
  for await (const line of lane.scan()) {
    expect(line).toBe('line 20')
    break
  }
  const given = lane.scan()[Symbol.asyncIterator]()
  await given.next()
  await lane.close()
  for (let at = 0; at < 4; at++) await given.next()
  await expect(given.next()).rejects.toThrow('it is closed')
})

test('a full lane refuses more, loses nothing, and takes lines again when it has been drained', async () => {
  const directory = newDirectory()
  const lane = createFileSpool({ directory, maxBytes: 2_000, segmentBytes: 500 }).lane('l')
  await lane.open()
  let count = 0
  const refusal = await (async () => {
    for (;;) {
      try {
        await lane.append(numbered(count, 10))
        count += 10
      } catch (error) {
        return error
      }
    }
  })()
  expect(TapekeeperError.is(refusal) && refusal).toMatchObject({
    code: 'SPOOL_FAILED',
    context: { directory: join(directory, 'l'), maxBytes: 2_000 },
  })
  expect(String(refusal)).toContain(`spool ${join(directory, 'l')} is full`)
  expect(String(refusal)).toContain('maxBytes (2000)')
  expect(lane.bytes).toBeLessThanOrEqual(2_000)
  expect(await drained(lane)).toEqual(numbered(0, count))
  await lane.append(['more'])
  expect(await lane.read(9)).toEqual(['more'])
  await lane.close()
})

test('lines set aside are out of the way, in a file that is bounded, too', async () => {
  const directory = newDirectory()
  const lane = createFileSpool({ directory, maxBytes: 50 }).lane('l')
  const file = join(directory, 'l', 'set-aside.ndjson')
  await lane.open()
  await lane.setAside([])
  await lane.setAside(['{"bad":1}', '{"bad":2}'])
  await lane.setAside(['{"bad":3}'])
  expect(readFileSync(file, 'utf8')).toBe('{"bad":1}\n{"bad":2}\n{"bad":3}\n')
  await expect(lane.setAside(['x'.repeat(30)])).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: /maxBytes \(50\)/ })
  // What a process wrote in half before it died stays on a line of its own.
  writeFileSync(file, '{"ha')
  await lane.setAside(['{"bad":4}'])
  expect(readFileSync(file, 'utf8')).toBe('{"ha\n{"bad":4}\n')
  expect(lane.lines).toBe(0)
  await lane.close()
})

test('before open and after close there is nothing to be had', async () => {
  const spool = createFileSpool({ directory: newDirectory() })
  const lane = spool.lane('l')
  const each = [() => lane.append(['a']), () => lane.read(1), () => lane.drop(1), () => lane.setAside(['a']), () => scanned(lane)]
  for (const call of each) await expect(call()).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: /it is not open/ })
  await lane.open()
  await lane.close()
  for (const call of [...each, () => lane.open()])
    await expect(call()).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: /closed/ })
  const unopened = spool.lane('l')
  await unopened.close()
  await expect(unopened.open()).rejects.toThrow('it was closed before')
})

test('a line that could not be read again is refused as a whole', async () => {
  const lane = createFileSpool({ directory: newDirectory() }).lane('l')
  await lane.open()
  await expect(lane.append(['good', 'bad\nbad'])).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: /line break/ })
  expect(lane.lines).toBe(0)
  await lane.close()
})

test('many lines and long ones', async () => {
  const lane = createFileSpool({ directory: newDirectory() }).lane('l')
  await lane.open()
  const many = numbered(0, 200_000)
  await lane.append(many)
  await lane.append(['x'.repeat(5_000_000), 'end'])
  expect((await lane.read(150_000)).length).toBe(150_000)
  await lane.drop(150_000)
  const rest = await lane.read(1_000_000)
  expect(rest.length).toBe(50_002)
  expect(rest[0]).toBe('line 150000')
  expect(rest.at(-1)).toBe('end')
  await lane.close()
})

test('the number of a segment that is gone is not used again: an old position must not mean a new segment', async () => {
  const directory = newDirectory()
  const spool = createFileSpool({ directory })
  const lane = spool.lane('l')
  await lane.open()
  await lane.append(['a', 'b'])
  await lane.read(1)
  await lane.drop(1)
  await lane.close()
  expect(segmentsIn(join(directory, 'l'))).toEqual(['000000000001.spool'])
  rmSync(join(directory, 'l', '000000000001.spool'))
  const later = spool.lane('l')
  await later.open()
  await later.append(['c'])
  expect(segmentsIn(join(directory, 'l'))).toEqual(['000000000002.spool'])
  expect(await later.read(9)).toEqual(['c'])
  await later.close()
})

test('to drop nothing changes nothing', async () => {
  const spool = createFileSpool({ directory: newDirectory() })
  const lane = spool.lane('l')
  await lane.open()
  await lane.append(['a', 'b'])
  await lane.drop(1)
  await lane.close()
  const later = spool.lane('l')
  await later.open()
  await later.drop(0)
  expect(await scanned(later)).toEqual(['b'])
  expect(await later.read(9)).toEqual(['b'])
  await later.close()
})

test('options are checked', () => {
  expect(() => createFileSpool({ directory: '' })).toThrow(/directory/)
  expect(() => createFileSpool({ directory: 'x', maxBytes: 0 })).toThrow(/maxBytes/)
  expect(() => createFileSpool({ directory: 'x', maxbytes: 1 } as never)).toThrow(/did you mean "maxBytes"/)
})

test('what fits exactly is taken, and one byte more is not', async () => {
  const measured = createFileSpool({ directory: newDirectory() }).lane('l')
  await measured.open()
  await measured.append(numbered(0, 10))
  const { bytes } = measured
  await measured.close()
  const laneOf = (maxBytes: number) => createFileSpool({ directory: newDirectory(), maxBytes }).lane('l')
  const [exact, small] = [laneOf(bytes), laneOf(bytes - 1)]
  await Promise.all([exact.open(), small.open()])
  await exact.append(numbered(0, 10))
  expect(exact.bytes).toBe(bytes)
  await expect(small.append(numbered(0, 10))).rejects.toThrow('is full')
  await Promise.all([exact.close(), small.close()])
})

test('reading begins no new file, and writes none', async () => {
  const directory = newDirectory()
  const lane = createFileSpool({ directory }).lane('l')
  const contents = () => readdirSync(join(directory, 'l')).map((name) => [name, statSync(join(directory, 'l', name)).mtimeMs])
  await lane.open()
  await lane.append(['a'])
  const before = contents()
  for (let i = 0; i < 3; i++) expect(await lane.read(1)).toEqual(['a'])
  expect(contents()).toEqual(before)
  await lane.append(['b'])
  expect(segmentsIn(join(directory, 'l'))).toHaveLength(1)
  await lane.close()
})
