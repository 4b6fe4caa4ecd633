import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { expect, test } from 'vitest'
import { createFileSpool } from 'tapekeeper/node'
import { fileSpoolOn } from '../../src/spool/create-file-spool.ts'
import {
  copyOf,
  drained,
  faultyFiles,
  keepingLogger,
  newDirectory,
  scanned,
  segmentsIn,
  SystemError,
  type Fault,
} from './spool-world.ts'
import fc from '../support/fast-check.ts'
import { property } from '../support/runs.ts'

/** A lane whose disk is broken as long as `fault` is set. */
async function faultyLane(options: { segmentBytes?: number } = {}) {
  const disk: { fault: Fault | undefined } = { fault: undefined }
  const directory = newDirectory()
  const logger = keepingLogger()
  const files = faultyFiles((operation, path) => disk.fault?.(operation, path))
  const lane = fileSpoolOn(files, { directory, logger, ...options }).lane('l')
  await lane.open()
  return { disk, directory, lane, logger }
}

const failing =
  (operations: readonly string[], code: string, only: RegExp = /\.spool$/): Fault =>
  (operation, path) => {
    if (operations.includes(operation) && only.test(path)) throw new SystemError(code)
  }

async function linesLeftIn(directory: string): Promise<string[]> {
  const lane = createFileSpool({ directory, fsync: false }).lane('l')
  await lane.open()
  const lines = await scanned(lane)
  await lane.close()
  return lines
}

test.each([
  ['a write that stops half-way', ['write'], 'ENOSPC'],
  ['a sync that fails', ['datasync'], 'EIO'],
  ['a segment that cannot be made', ['open'], 'EACCES'],
  ['too many open files', ['open'], 'EMFILE'],
])('%s costs the append, and nothing else', async (_name, operations, code) => {
  for (const segmentBytes of [1, 10_000]) {
    const { disk, directory, lane } = await faultyLane({ segmentBytes })
    disk.fault = failing(operations, code)
    if (operations[0] !== 'open') await expect(lane.append(['first'])).rejects.toMatchObject({ code: 'SPOOL_FAILED' })
    disk.fault = undefined
    await lane.append(['a', 'b'])
    disk.fault = failing(operations, code)
    const appended = lane.append(['c'.repeat(100), 'd'])
    // A segment that is there already needs not be made.
    if (operations[0] === 'open' && segmentBytes > 1) await appended
    else {
      await expect(appended).rejects.toMatchObject({
        code: 'SPOOL_FAILED',
        message: `spool ${join(directory, 'l')}: append failed: ${code}: injected`,
        context: { directory: join(directory, 'l'), systemCode: code },
      })
      expect(lane.lines).toBe(2)
      expect(await linesLeftIn(copyOf(directory))).toEqual(['a', 'b'])
    }
    const before = lane.lines
    disk.fault = undefined
    await lane.append(['e'])
    expect((await scanned(lane)).slice(before)).toEqual(['e'])
    expect(await linesLeftIn(copyOf(directory))).toEqual(await drained(lane, 2))
    await lane.close()
  }
})

test('when not even the remains can be removed, nothing is appended behind them, and they are not read', async () => {
  const { disk, directory, lane } = await faultyLane({ segmentBytes: 1 })
  await lane.append(['a'])
  disk.fault = failing(['write', 'truncate'], 'EIO')
  await expect(lane.append(['bbbbbbbbbbbbbbbbbbbbbb'])).rejects.toThrow('EIO')
  disk.fault = failing(['truncate'], 'EROFS')
  await expect(lane.append(['c'])).rejects.toThrow('EROFS')
  expect(await scanned(lane)).toEqual(['a'])
  expect(await linesLeftIn(copyOf(directory))).toEqual(['a'])
  disk.fault = undefined
  await lane.append(['d'])
  expect(await linesLeftIn(copyOf(directory))).toEqual(['a', 'd'])
  disk.fault = failing(['datasync', 'truncate'], 'EIO')
  await expect(lane.append(['e'])).rejects.toThrow('EIO')
  disk.fault = undefined
  await lane.close()
  expect(await linesLeftIn(directory)).toEqual(['a', 'd'])
})

test('whatever fails and when, an append is there as a whole or not at all', async () => {
  const step = fc.record({
    fault: fc.option(fc.constantFrom('write', 'datasync', 'open', 'unlink', 'read'), { nil: undefined }),
    after: fc.nat(3),
    action: fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 5 }), drain: fc.constant(0) }),
      fc.record({ append: fc.constant(0), drain: fc.nat(6) }),
    ),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.integer({ min: 1, max: 300 }), async (steps, segmentBytes) => {
      const { disk, directory, lane } = await faultyLane({ segmentBytes })
      let waiting: string[] = []
      let next = 0
      for (const { fault, after, action } of steps) {
        let countdown = after
        if (fault === undefined) disk.fault = undefined
        else {
          disk.fault = (operation) => {
            if (operation === fault && countdown-- <= 0) throw new SystemError('EIO')
          }
        }
        try {
          if (action.append > 0) {
            const lines = Array.from({ length: action.append }, () => `line ${next++}`)
            await lane.append(lines)
            waiting.push(...lines)
          } else {
            const read = await lane.read(action.drain)
            expect(read).toEqual(waiting.slice(0, action.drain))
            await lane.drop(read.length)
            waiting = waiting.slice(read.length)
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'SPOOL_FAILED' })
        }
        expect(lane.lines).toBe(waiting.length)
      }
      disk.fault = undefined
      expect(await scanned(lane)).toEqual(waiting)
      // A position that could not be written brings dropped lines back, and never takes any away.
      const left = await linesLeftIn(copyOf(directory))
      expect(left.slice(left.length - waiting.length)).toEqual(waiting)
      expect(await drained(lane, 4)).toEqual(waiting)
      await lane.close()
      expect(segmentsIn(join(directory, 'l'))).toEqual([])
    }),
    property({ quick: 30, deep: 200 }),
  )
})

test('a disk that cannot be tidied up is told of once, and holds nothing up', async () => {
  const { disk, directory, lane, logger } = await faultyLane({ segmentBytes: 1 })
  for (const line of ['a', 'b', 'c', 'd']) await lane.append([line])
  disk.fault = (operation, path) => {
    if (operation === 'unlink' || (operation === 'write' && path.endsWith('position'))) throw new SystemError('EROFS')
  }
  expect(await lane.read(1)).toEqual(['a'])
  await lane.drop(1)
  await lane.drop(1)
  expect(await lane.read(9)).toEqual(['c', 'd'])
  expect(logger.messages).toEqual([expect.stringContaining('EROFS: injected; dropped lines may come back after a crash')])
  expect(segmentsIn(join(directory, 'l'))).toHaveLength(4)
  disk.fault = undefined
  await lane.drop(1)
  expect(segmentsIn(join(directory, 'l'))).toHaveLength(1)
  await lane.close()
  expect(await linesLeftIn(directory)).toEqual(['d'])
})

test('damage that cannot be set aside is told of, and holds nothing up', async () => {
  const { disk, directory, lane, logger } = await faultyLane({ segmentBytes: 1 })
  for (const line of ['a', 'b', 'c']) await lane.append([line])
  writeFileSync(join(directory, 'l', segmentsIn(join(directory, 'l'))[0]!), 'x'.repeat(60))
  disk.fault = failing(['open'], 'ENOSPC', /set-aside/)
  expect(await drained(lane, 1)).toEqual(['b', 'c'])
  expect(logger.messages).toEqual([expect.stringMatching(/damaged and left out; and they could not be set aside: .*ENOSPC/)])
  await lane.close()
})

test('an open that failed can be tried again, and holds nothing back', async () => {
  const disk: { fault: Fault | undefined } = { fault: undefined }
  const directory = newDirectory()
  const options = { directory, logger: keepingLogger() }
  const lane = fileSpoolOn(
    faultyFiles((operation, path) => disk.fault?.(operation, path)),
    options,
  ).lane('l')
  for (const name of [/position/, /lock/]) {
    disk.fault = failing(['open'], 'EACCES', name)
    await expect(lane.open()).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: /EACCES/ })
  }
  disk.fault = undefined
  await lane.open()
  await lane.append(['a'])
  await lane.close()
})

/** A disk of its own, so small that it can be filled. */
function mountSmallDisk(): { readonly path: string; readonly unmount: () => void } | undefined {
  const path = newDirectory()
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return { path, unmount: () => execFileSync('/bin/umount', [path]) }
}

test('a full disk is said in words, loses nothing, and can be drained, also by the next process', async ({ skip }) => {
  const small = process.platform === 'linux' ? mountSmallDisk() : undefined
  if (small === undefined) return skip('needs root on Linux, to mount a small disk')
  try {
    const directory = join(small.path, 'spool')
    const open = async () => {
      const lane = createFileSpool({ directory, segmentBytes: 20_000 }).lane('l')
      await lane.open()
      return lane
    }
    let lane = await open()
    const lines: string[] = []
    const fill = async (size: number) => {
      for (;;) {
        const batch = [`${lines.length} ${'x'.repeat(size)}`, 'second']
        const refusal = await lane.append(batch).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (refusal !== undefined) return refusal
        lines.push(...batch)
      }
    }
    expect(await fill(9_000)).toMatchObject({
      code: 'SPOOL_FAILED',
      message: /append failed: ENOSPC: no space left on device/,
      context: { systemCode: 'ENOSPC' },
    })
    await fill(10)
    expect(lane.lines).toBe(lines.length)
    await lane.close()

    lane = await open()
    expect(await scanned(lane)).toEqual(lines)
    await expect(lane.append(['x'.repeat(100_000)])).rejects.toThrow('ENOSPC')
    expect(await drained(lane, 3)).toEqual(lines)
    await lane.append(['there is room again'])
    expect(await lane.read(9)).toEqual(['there is room again'])
    await lane.close()
  } finally {
    small.unmount()
  }
})

test('a part that is drained is not brought back by the next one, which cannot be read', async () => {
  const { disk, directory, lane } = await faultyLane({ segmentBytes: 1 })
  await lane.append(['a', 'b'])
  await lane.append(['c'])
  await lane.drop(1)
  disk.fault = failing(['open'], 'EIO', /2\.spool$/)
  await expect(lane.read(10)).rejects.toThrow('EIO')
  await lane.drop(1)
  expect(await linesLeftIn(copyOf(directory))).toEqual(['c'])
  disk.fault = undefined
  expect(await drained(lane)).toEqual(['c'])
  await lane.close()
})

test.each([0, 1])(
  'lines that are damaged while they wait, in part %i of two, are counted no longer, however often it is read',
  async (damaged) => {
    const { directory, lane } = await faultyLane({ segmentBytes: 1 })
    const parts = [
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]
    for (const part of parts) await lane.append(part)
    const file = segmentsIn(join(directory, 'l'))[damaged]!
    writeFileSync(join(directory, 'l', file), '\0'.repeat(40))
    const sound = parts[1 - damaged]!
    for (let i = 0; i < 3; i++) {
      expect(await lane.read(100)).toEqual(sound)
      expect(lane.lines).toBe(sound.length)
    }
    expect(await drained(lane)).toEqual(sound)
    expect([lane.lines, lane.bytes]).toEqual([0, 0])
    await lane.close()
  },
)

test('a lane that cannot be closed in order says why, and is closed', async () => {
  const directory = newDirectory()
  const files = faultyFiles(() => undefined)
  let isBroken = false
  const lane = fileSpoolOn(
    {
      ...files,
      open: async (path, flags, mode) => {
        const handle = await files.open(path, flags, mode)
        const close = async (): Promise<void> => {
          await handle.close()
          if (isBroken && String(path).endsWith('.spool')) throw new SystemError('EIO')
        }
        return new Proxy(handle, { get: (target, key) => (key === 'close' ? close : (Reflect.get(target, key) as unknown)) })
      },
    },
    { directory },
  ).lane('l')
  await lane.open()
  await lane.append(['a'])
  isBroken = true
  await expect(lane.close()).rejects.toMatchObject({
    code: 'SPOOL_FAILED',
    message: `spool ${join(directory, 'l')}: close failed: EIO: injected`,
  })
  expect(await linesLeftIn(directory)).toEqual(['a'])
})
