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
