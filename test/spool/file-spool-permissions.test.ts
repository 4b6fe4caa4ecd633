import { execFileSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, describe, expect, test } from 'vitest'
import { createFileSpool } from 'tapekeeper/node'
import { fileSpoolOn } from '../../src/spool/create-file-spool.ts'
import { systemFiles } from '../../src/spool/own-file.ts'
import { newDirectory } from './spool-world.ts'

const umask = process.umask(0o022)
afterEach(() => {
  process.umask(umask)
})

const modeOf = (path: string): string => (lstatSync(path).mode & 0o777).toString(8)

function made(directory: string): string {
  mkdirSync(directory)
  return directory
}

async function use(directory: string): Promise<void> {
  const lane = createFileSpool({ directory }).lane('l')
  await lane.open()
  try {
    await lane.append(['a'])
    await lane.setAside(['b'])
  } finally {
    await lane.close()
  }
}

describe.runIf(process.platform !== 'win32')('the spool is its owner’s alone', () => {
  test.each([0, 0o022, 0o077, 0o277, 0o777])('with umask %o', async (mask) => {
    const directory = join(newDirectory(), 'made', 'here')
    process.umask(mask)
    await use(directory)
    for (const path of [join(directory, '..'), directory, join(directory, 'l')]) expect(modeOf(path)).toBe('700')
    const files = readdirSync(join(directory, 'l'))
    expect(files.length).toBe(3)
    for (const name of files) expect([name, modeOf(join(directory, 'l', name))]).toEqual([name, '600'])
  })

  test('from the first moment', async () => {
    const directory = join(newDirectory(), 'new')
    process.umask(0)
    const modes = new Set<string>()
    const files = {
      ...systemFiles,
      open: (async (path, flags, mode) => {
        const handle = await systemFiles.open(path, flags, mode)
        modes.add(modeOf(String(path)))
        return handle
      }) as typeof systemFiles.open,
      mkdir: (async (path: string, options: { mode: number }) => {
        await systemFiles.mkdir(path, options)
        modes.add(modeOf(path))
      }) as typeof systemFiles.mkdir,
    }
    const lane = fileSpoolOn(files, { directory }).lane('l')
    await lane.open()
    await lane.append(['a'])
    await lane.setAside(['b'])
    await lane.close()
    expect([...modes].sort()).toEqual(['600', '700'])
  })

  test('what others could read is taken away from them', async () => {
    const directory = newDirectory()
    chmodSync(directory, 0o755)
    await use(directory)
    const folder = join(directory, 'l')
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o666)
    chmodSync(folder, 0o777)
    await use(directory)
    expect(modeOf(folder)).toBe('700')
    for (const name of readdirSync(folder)) expect([name, modeOf(join(folder, name))]).toEqual([name, '600'])
    // It may hold other things than ours: its permissions are its owner's business.
    expect(modeOf(directory)).toBe('755')
  })

  test('where everybody may put directories there is no spool', async () => {
    const directory = newDirectory()
    chmodSync(directory, 0o777)
    await expect(use(directory)).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: /everybody may write/ })
    // Like /tmp.
    chmodSync(directory, 0o1777)
    await use(directory)
  })
})

describe('something else is in the way', () => {
  test.each<[string, (directory: string) => void]>([
    ['a file for the directory', (directory) => writeFileSync(directory, '')],
    ['a link that leads nowhere for the directory', (directory) => symlinkSync('nowhere', directory)],
    ['a file for the lane', (directory) => writeFileSync(join(made(directory), 'l'), '')],
    ['a link for the lane', (directory) => symlinkSync(newDirectory(), join(made(directory), 'l'))],
    ['a directory for a segment', (directory) => mkdirSync(join(directory, 'l', '000000000001.spool'), { recursive: true })],
    ['a directory for the position', (directory) => mkdirSync(join(directory, 'l', 'position'), { recursive: true })],
    [
      'a directory for what is set aside',
      (directory) => mkdirSync(join(directory, 'l', 'set-aside.ndjson'), { recursive: true }),
    ],
  ])('%s', async (_name, put) => {
    const directory = join(newDirectory(), 'spool')
    put(directory)
    await expect(use(directory)).rejects.toMatchObject({ code: 'SPOOL_FAILED' })
  })

  test.each(['000000000001.spool', 'position', 'set-aside.ndjson'])('a link to what is not ours, for %s', async (name) => {
    const directory = newDirectory()
    const victim = join(newDirectory(), 'victim')
    writeFileSync(victim, 'precious', { mode: 0o644 })
    mkdirSync(join(directory, 'l'))
    symlinkSync(victim, join(directory, 'l', name))
    await expect(use(directory)).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: /ELOOP/ })
    expect(readFileSync(victim, 'utf8')).toBe('precious')
    expect(modeOf(victim)).toBe('644')
  })

  test.runIf(process.platform === 'linux').each(['000000000001.spool', 'position', 'set-aside.ndjson'])(
    'a pipe for %s',
    async (name) => {
      const directory = newDirectory()
      mkdirSync(join(directory, 'l'))
      execFileSync('/usr/bin/mkfifo', [join(directory, 'l', name)])
      await expect(use(directory)).rejects.toMatchObject({ code: 'SPOOL_FAILED', message: /is not a file/ })
    },
  )

  test('a directory may be a link, and files of others in it are left alone', async () => {
    const real = newDirectory()
    const directory = join(newDirectory(), 'link')
    symlinkSync(real, directory)
    mkdirSync(join(real, 'l'))
    writeFileSync(join(real, 'l', 'README'), 'hello')
    writeFileSync(join(real, 'l', 'notes.spool'), 'hello')
    await use(directory)
    expect(readFileSync(join(real, 'l', 'notes.spool'), 'utf8')).toBe('hello')
  })
})
