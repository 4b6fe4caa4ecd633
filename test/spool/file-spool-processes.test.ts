import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { createFileSpool } from 'tapekeeper/node'
import { compiled } from '../support/compiled.ts'
import { drained, newDirectory, scanned } from './spool-world.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

type Said = {
  readonly ready?: true
  readonly acknowledged?: number
  readonly done?: unknown
  readonly error?: string
  readonly code?: string
}

/** Starts spool.script.ts. */
function start(directory: string, task: string, { from = 0, user }: { from?: number; user?: number } = {}) {
  const identity = user === undefined ? {} : { uid: user, gid: user }
  const child = spawn(process.execPath, [compiled('test/spool/spool.script.ts'), directory, task, String(from)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...identity,
  })
  children.push(child)
  const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    pid: child.pid!,
    /** What it says next; undefined when it is over. */
    hear: async (): Promise<Said | undefined> => {
      const line = await said.next()
      return line.done === true ? undefined : (JSON.parse(line.value) as Said)
    },
    kill: async () => {
      const over = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await over
    },
  }
}

test('what was acknowledged to a process that is killed is there, once and in order', async () => {
  const directory = newDirectory()
  const lane = () => createFileSpool({ directory, segmentBytes: 5_000 }).lane('l')
  let found = 0
  for (let round = 0; round < 4; round++) {
    const child = start(directory, 'append', { from: found })
    expect(await child.hear()).toEqual({ ready: true })
    let acknowledged = found
    const hear = async () => {
      const said = await child.hear()
      acknowledged = said?.acknowledged ?? acknowledged
      return said
    }
    for (let heard = 0; heard < 40 + round * 13; heard++) await hear()
    // It goes on appending until the signal arrives.
    await child.kill()
    while ((await hear()) !== undefined);
    const opened = lane()
    await opened.open()
    const lines = await scanned(opened)
    expect(lines).toEqual(lines.map((_, index) => `line ${index}`))
    // At most one batch that was complete and not acknowledged yet.
    const extra = lines.length - acknowledged
    expect([0, 1 + (acknowledged % 7)]).toContain(extra)
    expect(opened.lines).toBe(lines.length)
    found = lines.length
    await opened.close()
  }
  const last = lane()
  await last.open()
  expect((await drained(last)).length).toBe(found)
  await last.close()
})

test('a lane belongs to one process, until that closes it or dies', async () => {
  const directory = newDirectory()
  const spool = createFileSpool({ directory })
  const child = start(directory, 'hold')
  expect(await child.hear()).toEqual({ ready: true })
  const lane = spool.lane('l')
  await expect(lane.open()).rejects.toMatchObject({
    code: 'SPOOL_FAILED',
    message: expect.stringContaining(`process ${child.pid} has the lane open`) as string,
  })
  // Another lane is another matter.
  const other = spool.lane('other')
  await other.open()
  await other.close()
  await child.kill()
  await lane.open()
  await lane.append(['a'])

  const second = spool.lane('l')
  await expect(second.open()).rejects.toThrow(`this process (pid ${process.pid}) has the lane open already`)
  const late = start(directory, 'try')
  expect(await late.hear()).toMatchObject({
    code: 'SPOOL_FAILED',
    error: expect.stringContaining(`process ${process.pid} has the lane open`) as string,
  })
  await lane.close()
  expect(readdirSync(join(directory, 'l')).filter((name) => name.startsWith('lock'))).toEqual([])
  await second.open()
  expect(await second.read(1)).toEqual(['a'])
  await second.close()
})

test.each([
  ['a process that is gone', 4_194_300, '', true],
  ['ourselves in an earlier life of this container', process.pid, '', true],
  ['ourselves in an earlier life, on Linux', process.pid, 'abcdef12_17', true],
  ['a process that is there, as far as one can tell', process.ppid, '', false],
  ...(process.platform === 'linux' ? ([['one whose id somebody else has got', process.ppid, 'abcdef12_17', true]] as const) : []),
] as const)('the lock of %s', async (_name, pid, stamp, isStale) => {
  const directory = newDirectory()
  mkdirSync(join(directory, 'l'))
  writeFileSync(join(directory, 'l', `lock-${pid}-${stamp}`), '')
  const lane = createFileSpool({ directory }).lane('l')
  if (!isStale) {
    await expect(lane.open()).rejects.toThrow(`process ${pid} has the lane open`)
    expect(readdirSync(join(directory, 'l'))).toEqual([`lock-${pid}-${stamp}`])
    return
  }
  await lane.open()
  expect(readdirSync(join(directory, 'l')).filter((name) => name === `lock-${pid}-${stamp}`)).toEqual([])
  await lane.close()
})

test('of processes that come at the same time at most one gets the lane', async () => {
  const directory = newDirectory()
  const said = await Promise.all(Array.from({ length: 4 }, () => start(directory, 'hold').hear()))
  expect(said.filter((each) => each?.ready).length).toBeLessThanOrEqual(1)
  for (const each of said) if (each?.ready === undefined) expect(each?.code).toBe('SPOOL_FAILED')
})

test.runIf(isRoot)('where a user may not write, opening fails with an error and nothing else', async () => {
  const directory = newDirectory()
  chmodSync(directory, 0o755)
  const refused = start(directory, 'try', { user: NOBODY })
  expect(await refused.hear()).toMatchObject({ code: 'SPOOL_FAILED', error: expect.stringContaining('EACCES') as string })
  expect(await refused.hear()).toBeUndefined()
  chownSync(directory, NOBODY, NOBODY)
  const allowed = start(directory, 'try', { user: NOBODY })
  expect(await allowed.hear()).toEqual({ ready: true })
  expect(await allowed.hear()).toEqual({ done: ['a'] })
  expect(await allowed.hear()).toBeUndefined()
  // What belongs to somebody else is not trusted, not even by root.
  await expect(createFileSpool({ directory }).lane('l').open()).rejects.toThrow(`belongs to user ${NOBODY}`)
})
