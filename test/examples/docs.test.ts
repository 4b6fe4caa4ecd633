import { readFileSync } from 'node:fs'
import { CONSEQUENCE, ExchangeFactory, TapekeeperError, type ExchangeCollectorConfig } from 'tapekeeper'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { documentedReaction } from '../../src/exchanges/okx/reactions.ts'

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

describe('docs/configuration.md', () => {
  const shown = [...read('configuration.md').matchAll(/^```text\n(\{.*)\n(\w+) {2}(.*)\n```$/gm)]

  test('shows errors at all', () => expect(shown.length).toBeGreaterThan(5))

  test.each(shown.map(([, config = '', code, message]) => ({ config, code, message })))(
    '$config',
    ({ config, code, message }) => {
      const create = () => ExchangeFactory.createCollector(JSON.parse(config) as ExchangeCollectorConfig)
      expect(create).toThrow(expect.objectContaining({ code, message }) as Error)
    },
  )
})

describe('docs/configuration.md, environment', () => {
  const shown = [...read('configuration.md').matchAll(/^```text\n([A-Z_]+)=(.*)\n(\w+) {2}(.*)\n```$/gm)]
  afterEach(() => void vi.unstubAllEnvs())

  test('shows errors at all', () => expect(shown.length).toBe(3))

  test.each(shown.map(([, name = '', value, code, message]) => ({ name, value, code, message })))(
    '$name=$value',
    ({ name, value, code, message }) => {
      vi.stubEnv(name, value)
      const create = () => ExchangeFactory.createCollector({ exchange: 'okx', symbol: 'BTC-USDT', dataTypes: ['trade'] })
      expect(create).toThrow(expect.objectContaining({ code, message }) as Error)
    },
  )
})

describe('docs/errors.md', () => {
  const page = read('errors.md')

  test('lists every code with its consequence, and no other', () => {
    const rows = [...page.matchAll(/^\| `([A-Z_]+)`\s*\| `([\w-]+)`/gm)].map(([, code, consequence]) => [code, consequence])
    expect(Object.fromEntries(rows)).toEqual(CONSEQUENCE)
  })

  test('lists every consequence', () => {
    for (const consequence of new Set(Object.values(CONSEQUENCE)))
      expect(page).toMatch(new RegExp(`^\\| \`${consequence}\``, 'm'))
    expect(new TapekeeperError('SOCKET_LOST', '').consequence).toBe('reconnect')
  })

  test('gives the reactions to OKX codes as they are, and leaves none out', () => {
    const rows = [...page.matchAll(/^\| `?([\w-]+)`?\s*\| ((?:\d{5}(?:, )?)+)/gm)]
    const listed = new Map(
      rows.flatMap(([, reaction, codes = '']) => codes.match(/\d{5}/g)!.map((code) => [code, reaction] as const)),
    )
    for (const [code, reaction] of listed)
      expect([code, documentedReaction(code)]).toEqual([code, reaction === 'move' ? 'retry' : reaction])
    const known = Array.from({ length: 15_000 }, (_, i) => String(50_000 + i)).filter(
      (code) => documentedReaction(code) !== undefined,
    )
    expect([...listed.keys()].sort()).toEqual(known)
  })
})
