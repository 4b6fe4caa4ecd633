import { expect, test } from 'vitest'
import { parseSymbol } from '../../src/domain/instrument.ts'
import fc from '../support/fast-check.ts'

test.each([
  ['BTC-USDT', { base: 'BTC', quote: 'USDT', marketType: 'spot', expiry: undefined }],
  ['BTC-USDT-PERP', { base: 'BTC', quote: 'USDT', marketType: 'perpetual', expiry: undefined }],
  ['BTC-USD-20261225', { base: 'BTC', quote: 'USD', marketType: 'future', expiry: '20261225' }],
  ['1INCH-USDT', { base: '1INCH', quote: 'USDT', marketType: 'spot', expiry: undefined }],
  ['币安人生-USDT', { base: '币安人生', quote: 'USDT', marketType: 'spot', expiry: undefined }],
])('%s', (symbol, expected) => expect(parseSymbol(symbol)).toEqual(expected))

test.each([
  '',
  '-',
  'BTC',
  'BTC-',
  '-USDT',
  'BTC/USDT',
  'BTC USDT',
  'BTC-USDT-',
  'BTC-USDT-SWAP',
  'BTC-USDT-2026122',
  'BTC-USDT-202612255',
  'BTC-USDT-PERP-X',
  'BTC-US DT',
  'BTC-USDT\n',
])('%j is not a symbol', (symbol) => expect(parseSymbol(symbol)).toBeUndefined())

test('what is put together can be taken apart', () => {
  const word = fc.stringMatching(/^[A-Z0-9]{1,10}$/)
  fc.assert(
    fc.property(word, word, fc.constantFrom('', '-PERP', '-20270326'), (base, quote, suffix) => {
      expect(parseSymbol(`${base}-${quote}${suffix}`)).toMatchObject({ base, quote })
    }),
    { seed: 4, numRuns: 200 },
  )
})

test('never throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseSymbol(text)
    }),
    { seed: 5, numRuns: 500 },
  )
})
