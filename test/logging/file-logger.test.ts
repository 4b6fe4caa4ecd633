import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TapekeeperError, type ConfigProblem } from 'tapekeeper'
import { createFileLogger, type FileLogger, type FileLoggerOptions } from 'tapekeeper/pino'

/** For what hangs, not for a slow disk. */
const WAIT = { timeout: 60_000 }

const root = mkdtempSync(join(tmpdir(), 'tapekeeper-logs-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let directory = ''
let count = 0
let logger: FileLogger | undefined
beforeEach(() => {
  directory = join(root, String(++count), 'logs')
  for (const name of ['LOG_LEVEL', 'LOG_CLEANUP', 'LOG_MAX_FILES']) vi.stubEnv(name, undefined)
})
afterEach(async () => {
  await logger?.close()
  logger = undefined
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const make = (options: FileLoggerOptions = {}): FileLogger => (logger = createFileLogger({ directory, ...options }))
const files = (): string[] => readdirSync(directory).sort()
const rotated = (): string[] => files().filter((name) => /_debug\.\d{8}T\d{9}Z(\.\d+)?\.log$/.test(name))
const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(join(directory, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
const messagesOf = (file: string): unknown[] => linesOf(file).map(({ msg }) => msg)

function logAll(target: FileLogger): void {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) target[level](level, { n: 1 })
}

describe('levels', () => {
  test.each<[string | undefined, FileLoggerOptions, string[]]>([
    [undefined, {}, ['info', 'warn', 'error']],
    ['DEBUG', {}, ['debug', 'info', 'warn', 'error']],
    ['warning', {}, ['warn', 'error']],
    ['DEBUG', { level: 'error' }, ['error']],
    ['nonsense', { level: 'debug' }, ['debug', 'info', 'warn', 'error']],
  ])('LOG_LEVEL=%s and %j', async (variable, options, written) => {
    vi.stubEnv('LOG_LEVEL', variable)
    logAll(make(options))
    await logger?.close()
    expect(files()).toEqual(['collector_debug.log', 'collector_error.log', 'collector_info.log'])
    expect(messagesOf('collector_debug.log')).toEqual(written)
    expect(messagesOf('collector_info.log')).toEqual(written.filter((level) => level !== 'debug'))
    expect(messagesOf('collector_error.log')).toEqual(written.filter((level) => level === 'error'))
  })
})

test('a line has time, level, name, message and fields; errors have their causes', async () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', request: { headers: { cookie: 'x' } } })
  const error = new TapekeeperError('REST_FAILED', 'no answer', { url: 'https://a' }, { cause })
  make({ name: 'acme' }).error('failed', { symbol: 'BTC-USDT', error })
  make({ name: 'other', level: 'debug' }).debug('no fields')
  await logger?.close()
  const [line] = linesOf('acme_error.log')
  expect(line).toMatchObject({ level: 'error', name: 'acme', pid: process.pid, msg: 'failed', symbol: 'BTC-USDT' })
  expect(Date.now() - Date.parse(line?.['time'] as string)).toBeLessThan(60_000)
  expect(line?.['error']).toEqual({
    type: 'TapekeeperError',
    name: 'TapekeeperError',
    message: 'no answer',
    code: 'REST_FAILED',
    context: { url: 'https://a' },
    stack: error.stack,
    cause: { type: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED', stack: cause.stack },
  })
  expect(linesOf('other_debug.log')).toMatchObject([{ msg: 'no fields' }])
  await vi.waitFor(() => expect(existsSync(join(directory, 'acme_debug.log'))).toBe(true), WAIT)
})

test('what is named like a secret is blanked, at any depth', async () => {
  const secret = 'tell-nobody'
  const nest = (depth: number): unknown => (depth === 0 ? { secret, sign: secret } : { inner: nest(depth - 1) })
  const error = new TapekeeperError('AUTH_FAILED', 'no', { signature: secret, list: [{ passphrase: secret }] })
  make()
  logger?.info('it', { apiKey: secret, credentials: { deep: { deeper: secret } }, authorization: secret, list: [{ secret }] })
  for (let depth = 0; depth <= 4; depth++) logger?.info('nested', { nest: nest(depth) })
  logger?.error('error', { error, cause: new Error('x', { cause: error }) })
  logger?.pino.child({ module: 'mine' }).info({ secret }, 'a line of the host’s')
  await logger?.close()
  const text = files()
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('')
  expect(text).toContain('[redacted]')
  expect(text).not.toContain(secret)
  expect(messagesOf('collector_info.log')).toHaveLength(8)
})

test('what others say cannot hide or obey anything in a file, and can be read back as it was', async () => {
  const message = 'a\nb\u001b[2J\u009b31m\u2028\u202egnp.exe\u200b\ufeff\u007f'
  make().warn(message, { [message]: message, nested: { list: [message] } })
  await logger?.close()
  const text = readFileSync(join(directory, 'collector_info.log'), 'utf8')
  expect(text).toMatch(/^[\u0020-\u007e]*\n$/)
  expect(linesOf('collector_info.log')).toMatchObject([{ msg: message, [message]: message, nested: { list: [message] } }])
})

describe('rotation', () => {
  const fill = async (lines: number): Promise<void> => {
    for (let i = 0; i < lines; i++) {
      logger?.debug(`line ${i}`, { padding: 'x'.repeat(500) })
      // A write at a time: what waits together is rotated together.
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    await logger?.close()
  }

  test('by size: nothing is lost, and the newest files are kept', async () => {
    make({ level: 'debug', maxFileSize: '2K', maxFiles: 3 })
    await fill(40)
    expect(rotated()).toHaveLength(2)
    const kept = [...rotated(), 'collector_debug.log'].flatMap(messagesOf)
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => `line ${40 - kept.length + i}`))
    expect(kept.length).toBeGreaterThan(6)
  })

  test('without cleanup all files are kept', async () => {
    make({ level: 'debug', maxFileSize: '2K', maxFiles: 1, cleanup: false })
    await fill(40)
    expect(rotated().length).toBeGreaterThan(5)
    expect([...rotated(), 'collector_debug.log'].flatMap(messagesOf)).toHaveLength(40)
  })

  test('LOG_MAX_FILES and LOG_CLEANUP', async () => {
    vi.stubEnv('LOG_MAX_FILES', '2')
    make({ level: 'debug', maxFileSize: '2K' })
    await fill(20)
    expect(rotated()).toHaveLength(1)
    vi.stubEnv('LOG_CLEANUP', 'false')
    make({ level: 'debug', maxFileSize: '2K' })
    await fill(20)
    expect(rotated().length).toBeGreaterThan(2)
    vi.stubEnv('LOG_CLEANUP', 'true')
    vi.stubEnv('LOG_MAX_FILES', '1')
    make()
    await logger?.close()
    expect(rotated()).toEqual([])
  })

  test('the file of an earlier day is rotated at the start, empty ones are not kept, strangers are left alone', async () => {
    mkdirSync(directory, { recursive: true })
    const yesterday = new Date(Date.now() - 30 * 3_600_000)
    const earlier = {
      'collector_debug.log': 'old\n',
      'collector_info.log': '',
      'collector_debug.mine.log': 'mine',
      'notes.txt': 'mine',
    }
    for (const [name, text] of Object.entries(earlier)) {
      writeFileSync(join(directory, name), text)
      utimesSync(join(directory, name), yesterday, yesterday)
    }
    make().info('new')
    await logger?.close()
    expect(rotated().map((name) => readFileSync(join(directory, name), 'utf8'))).toEqual(['old\n'])
    expect(files().filter((name) => !rotated().includes(name))).toEqual([
      'collector_debug.log',
      'collector_debug.mine.log',
      'collector_error.log',
      'collector_info.log',
      'notes.txt',
    ])
    expect(messagesOf('collector_debug.log')).toEqual(['new'])
  })

  test('a file of today is gone on with', async () => {
    make().info('one')
    await logger?.close()
    make().info('two')
    await logger?.close()
    expect(messagesOf('collector_info.log')).toEqual(['one', 'two'])
  })
})

test.skipIf(process.platform === 'win32')('only the owner may read the files', async () => {
  make({ level: 'debug', maxFileSize: '1B' }).error('hello')
  await logger?.close()
  expect(rotated()).toHaveLength(1)
  for (const name of files()) expect(statSync(join(directory, name)).mode & 0o077).toBe(0)
})

describe('faults', () => {
  test('a directory that cannot be written to: said once, nothing thrown, close() ends', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    // A file where the directory should be: unwritable for root as well.
    mkdirSync(join(directory, '..'), { recursive: true })
    writeFileSync(directory, '')
    make()
    for (let i = 0; i < 100; i++) logAll(logger!)
    await vi.waitFor(() => expect(said).toHaveBeenCalled(), WAIT)
    for (let i = 0; i < 100; i++) logAll(logger!)
    await logger?.close()
    logAll(logger!)
    expect(said.mock.calls).toEqual([[expect.stringMatching(/log files in .* cannot be written \(said once\): E/)]])
  })

  test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('a directory without permission', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    mkdirSync(directory, { recursive: true })
    chmodSync(directory, 0o500)
    logAll(make())
    await logger?.close()
    expect(said).toHaveBeenCalledOnce()
  })

  test('a disk that recovers is written to again, and the file says what is missing', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const wall = vi.spyOn(Date, 'now')
    const elapsed = vi.spyOn(performance, 'now')
    mkdirSync(join(directory, '..'), { recursive: true })
    writeFileSync(directory, '')
    make().error('lost')
    await vi.waitFor(() => expect(console.error).toHaveBeenCalled(), WAIT)
    logger?.error('lost, too')
    rmSync(directory)
    // Half a minute later, and the wall clock was set back meanwhile.
    wall.mockReturnValue(Date.now() - 3_600_000)
    elapsed.mockReturnValue(performance.now() + 31_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    logger?.error('back')
    wall.mockRestore()
    elapsed.mockRestore()
    await logger?.close()
    expect(linesOf('collector_error.log')).toMatchObject([{ msg: 'log lines were lost', lines: 2 }, { msg: 'back' }])
  })

  test('after close() lines are dropped, and a second close() is harmless', async () => {
    make().info('one')
    await Promise.all([logger?.close(), logger?.close()])
    logger?.info('two')
    await logger?.close()
    expect(messagesOf('collector_info.log')).toEqual(['one'])
  })
})

describe('options', () => {
  test.each<[FileLoggerOptions, string]>([
    [{ rotateEvery: '5h' }, 'rotateEvery: must be a period like 1d, 12h, 30m or 1M (a month)'],
    [{ rotateEvery: '1w' }, 'rotateEvery: must be a period like 1d, 12h, 30m or 1M (a month)'],
    [{ maxFileSize: '10MB' }, 'maxFileSize: must be a size like 10M, 500K or 1G'],
    [{ maxFiles: 0 }, 'maxFiles is 0, must be more than 0'],
    [{ name: '../x' }, 'name: must be a plain file name'],
    [{ level: 'warni' as never }, 'level is "warni", did you mean "warn"? (allowed values: debug, info, warn, error)'],
    [
      { maxFile: 1 } as never,
      'unknown key "maxFile", did you mean "maxFiles"? (allowed keys: directory, level, maxFiles, cleanup, rotateEvery, maxFileSize, name)',
    ],
  ])('%j', (options, message) => {
    const error = expect.objectContaining({ code: 'CONFIG_INVALID', message: `file logger: ${message}` }) as Error
    expect(() => make(options)).toThrow(error)
    expect(existsSync(directory)).toBe(false)
  })

  test.each(['1M', '2d', '12h', '30m', '15s'])('rotateEvery %s', (rotateEvery) => {
    expect(make({ rotateEvery }).pino.level).toBe('info')
  })

  test('a bad variable names itself, unless its option is given', () => {
    vi.stubEnv('LOG_MAX_FILES', 'many')
    vi.stubEnv('LOG_CLEANUP', 'maybe')
    const problems = (): ConfigProblem[] => {
      try {
        make()
      } catch (error) {
        return (error as TapekeeperError).context['problems'] as ConfigProblem[]
      }
      return []
    }
    expect(problems().map(({ path }) => path)).toEqual(['LOG_MAX_FILES', 'LOG_CLEANUP'])
    expect(make({ maxFiles: 1, cleanup: true }).pino.level).toBe('info')
  })

  test('the same files twice', async () => {
    make()
    expect(() => createFileLogger({ directory })).toThrow(/collector_\*\.log are being written already/)
    const other = createFileLogger({ directory, name: 'other' })
    await other.close()
    await logger?.close()
    make()
  })
})
