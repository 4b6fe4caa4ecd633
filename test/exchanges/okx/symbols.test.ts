import { describe, expect, test } from 'vitest'
import { parseSymbol } from '../../../src/domain/instrument.ts'
import { isXPerp, nativeSymbolOf, symbolOf, xPerpSymbolOf } from '../../../src/exchanges/okx/symbols.ts'
import fc from '../../support/fast-check.ts'
import { property } from '../../support/runs.ts'

const PAIRS = [
  ['BTC-USDT', 'BTC-USDT'],
  ['1INCH-USDC', '1INCH-USDC'],
  ['BTC-USDT-PERP', 'BTC-USDT-SWAP'],
  ['BTC-USD-PERP', 'BTC-USD-SWAP'],
  ['BTC-USD_UM-PERP', 'BTC-USD_UM-SWAP'],
  ['BTC-USD-20261225', 'BTC-USD-261225'],
  ['BTC-USD_UM-20261225', 'BTC-USD_UM-261225'],
  ['BTC-USD_UM_XPERP_310404-PERP', 'BTC-USD_UM_XPERP-310404'],
] as const

describe('the convention', () => {
  test.each(PAIRS)('%s is their %s', (symbol, nativeSymbol) => {
    expect(nativeSymbolOf(symbol)).toBe(nativeSymbol)
    expect(symbolOf(nativeSymbol)).toBe(symbol)
  })

  test.each([
    'BTC-USD-261225-50000-C',
    'BTC',
    '',
    '-',
    'BTC-USDT-PERP',
    'BTC-USD-261325',
    'BTC-USD-20261225',
    'BTC USDT',
    'A-B\n',
  ])('we have no symbol for %j', (nativeSymbol) => {
    expect(symbolOf(nativeSymbol)).toBeUndefined()
  })

  test.each(['BTC', '', 'BTC-USDT-SWAP', 'BTC-USD-261225', 'BTC-USD-19991225', 'BTC-USD-20261325', 'BTC/USDT', 'B"C-USDT'])(
    'they have no symbol for %j',
    (symbol) => {
      expect(nativeSymbolOf(symbol)).toBeUndefined()
    },
  )

  test('an X-Perp is known by its id; the date keeps two rolls apart', () => {
    expect([isXPerp('SUI-USD_UM_XPERP-310404'), isXPerp('SUI-USD_UM-310404'), isXPerp('SUI-USD_UM-SWAP')]).toEqual([
      true,
      false,
      false,
    ])
    expect(xPerpSymbolOf('SUI-USD_UM_XPERP-310404')).toBe('SUI-USD_UM_XPERP_310404-PERP')
    expect(xPerpSymbolOf('SUI-USD_UM_XPERP-310704')).toBe('SUI-USD_UM_XPERP_310704-PERP')
    expect(xPerpSymbolOf('NEW-USDT-XPERP')).toBe('NEW-USDT_XPERP-PERP')
    expect(xPerpSymbolOf('NEW')).toBeUndefined()
  })
})

describe('round trips', () => {
  const name = fc.stringMatching(/^[A-Z0-9_]{1,12}$/)
  const date = fc.date({ min: new Date('2020-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  const day = date.map((at) => at.toISOString().slice(2, 10).replaceAll('-', ''))
  const suffix = fc.oneof(
    fc.constant(''),
    fc.constant('-SWAP'),
    fc.constant('_XPERP'),
    day.map((text) => `-${text}`),
  )
  const native = fc
    .tuple(name, name, suffix, day)
    .map(([base, quote, end, roll]) => (end === '_XPERP' ? `${base}-${quote}_XPERP-${roll}` : `${base}-${quote}${end}`))

  test('theirs -> ours -> theirs', () => {
    fc.assert(
      fc.property(native, (nativeSymbol) => {
        const symbol = symbolOf(nativeSymbol)
        expect(symbol).toBeDefined()
        expect(parseSymbol(symbol!)).toBeDefined()
        expect(nativeSymbolOf(symbol!)).toBe(nativeSymbol)
      }),
      property({ quick: 500, deep: 2_000 }),
    )
  })

  test('ours -> theirs -> ours, for whatever has a name there', () => {
    const ours = fc
      .tuple(
        name,
        name,
        fc.oneof(
          fc.constant(''),
          fc.constant('-PERP'),
          day.map((text) => `-20${text}`),
        ),
      )
      .map((parts) => `${parts[0]}-${parts[1]}${parts[2]}`)
    fc.assert(
      fc.property(fc.oneof(ours, fc.string(), fc.string({ unit: 'binary' })), (symbol) => {
        const nativeSymbol = nativeSymbolOf(symbol)
        if (nativeSymbol !== undefined) expect(symbolOf(nativeSymbol)).toBe(symbol)
      }),
      property({ quick: 1_000, deep: 5_000 }),
    )
  })

  test('any text is answered, and what is answered comes back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), native), (text) => {
        const symbol = symbolOf(text)
        if (symbol !== undefined) expect(nativeSymbolOf(symbol)).toBe(text)
      }),
      property({ quick: 1_000, deep: 5_000 }),
    )
  })
})
