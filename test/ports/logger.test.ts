import { spawnSync } from 'node:child_process'
import { afterEach, expect, test, vi } from 'vitest'
import { consoleLogger, fenceLogger, LOG_LEVELS, silentLogger } from '../../src/ports/logger.ts'

afterEach(() => void vi.restoreAllMocks())

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['info', ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
  [undefined, ['warn', 'error']],
] as const)('consoleLogger(%s) writes %j', (level, expected) => {
  const spies = LOG_LEVELS.map((name) => [name, vi.spyOn(console, name).mockImplementation(() => undefined)] as const)
  const logger = consoleLogger(level)
  for (const name of LOG_LEVELS) logger[name]('hello', { a: 1 })
  expect(spies.filter(([, spy]) => spy.mock.calls.length > 0).map(([name]) => name)).toEqual(expected)
  expect(spies.at(-1)?.[1].mock.calls).toEqual([['[tapekeeper] hello', { a: 1 }]])
})

test('without fields there is no empty argument', () => {
  const spy = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  consoleLogger().error('hello')
  expect(spy.mock.calls).toEqual([['[tapekeeper] hello']])
})

/** Everything that reaches the terminal of a process of its own. */
function printed(script: string): string {
  const source = `import { consoleLogger } from ${JSON.stringify(new URL('../../src/ports/logger.ts', import.meta.url).href)}\n${script}`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
    encoding: 'utf8',
    env: { ...process.env, FORCE_COLOR: '0' },
  })
  expect(status).toBe(0)
  return stdout + stderr
}

test('what a server says stays on its line, and the terminal obeys nothing of it', () => {
  const text = printed(`
    const evil = 'x\\n[tapekeeper] forged\\u001b[2J\\u009b31m\\u2028\\u202e\\r%s%o%c'
    const error = new Error(evil, { cause: new TypeError(evil) })
    error.code = evil
    const log = consoleLogger('debug')
    log.warn(evil)
    log.error(evil, { [evil]: evil, error, list: [evil], deep: { deep: { deep: { deep: evil } } } })
    log.info(error)
  `)
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202e]/)
  expect(text.match(/^\[tapekeeper\]/gm)).toHaveLength(3)
  expect(text).not.toMatch(/^\[tapekeeper\] forged/m)
  // The fields are where they belong, and not in the place of a `%s`.
  expect(text.match(/%s%o%c/g)?.length).toBeGreaterThanOrEqual(5)
  expect(text).toMatch(/^ +.*at .*:\d+/m)
})

test('fields that throw do not throw into the caller', () => {
  const spy = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const fields = {
    fine: 1,
    get broken(): never {
      throw new Error('broken')
    },
    secret: 'tell-nobody',
  }
  consoleLogger().error('hello', fields)
  expect(spy.mock.calls).toEqual([['[tapekeeper] hello', { fine: 1, broken: '[unreadable: broken]', secret: '[redacted]' }]])
  spy.mockImplementation(() => {
    throw new Error('no console')
  })
  expect(() => consoleLogger().error('hello')).not.toThrow()
  expect(() => consoleLogger('verbose' as never)).toThrow('the level is verbose (allowed values: debug, info, warn, error)')
})

test('silentLogger says nothing', () => {
  const spies = LOG_LEVELS.map((name) => vi.spyOn(console, name))
  for (const name of LOG_LEVELS) silentLogger[name]('hello')
  for (const spy of spies) expect(spy).not.toHaveBeenCalled()
})

test('a fenced logger passes on what it is told, keeps its `this`, and never throws', () => {
  class Host {
    readonly lines: string[] = []
    debug(): void {
      throw new Error('broken')
    }
    info(message: string): void {
      this.lines.push(message)
    }
    warn = (): void => this.debug()
    error = (): void => this.debug()
  }
  const host = new Host()
  const logger = fenceLogger(host)
  logger.info('hello')
  expect(host.lines).toEqual(['hello'])
  for (const level of ['debug', 'warn', 'error'] as const) expect(() => logger[level]('x')).not.toThrow()
})
