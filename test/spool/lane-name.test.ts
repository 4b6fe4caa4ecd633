import { expect, test } from 'vitest'
import { directoryOfLane } from '../../src/spool/lane-name.ts'
import fc from '../support/fast-check.ts'

test.each([
  ['okx_btc-usdt', 'okx_btc-usdt'],
  ['okx_BTC-USDT', 'okx_BTC-USDT~3v'],
  ['a/b', 'a%2Fb'],
  ['..', '%2E%2E'],
  ['.', '%2E'],
  ['', '%'],
  ['con', '%63on'],
  ['lpt1', '%6Cpt1'],
  ['nul.txt', 'nul%2Etxt'],
  ['ü', '%C3%BC'],
  ['a\0b', 'a%00b'],
  ['a%2fb', 'a%252fb'],
  ['a~1', 'a%7E1'],
  [' ', '%20'],
])('the directory of lane %j is %s', (name, directory) => {
  expect(directoryOfLane(name)).toBe(directory)
})

const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.stringMatching(/^[aAbB%~.-]{0,8}$/),
  fc.string({ unit: 'binary' }),
)

test('a name is one plain file name that every file system takes', () => {
  fc.assert(
    fc.property(anyName, (name) => {
      const directory = directoryOfLane(name)
      expect(directory).toMatch(/^[\w%~-]+$/)
      expect(directory.length).toBeLessThan(240)
      expect(directory).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)$/i)
    }),
  )
})

test('different names have different directories, also where case counts for nothing', () => {
  fc.assert(
    fc.property(anyName, anyName, (one, other) => {
      fc.pre(one !== other)
      expect(directoryOfLane(one).toLowerCase()).not.toBe(directoryOfLane(other).toLowerCase())
    }),
    { numRuns: 2_000 },
  )
  for (const [one, other] of [
    ['btc', 'BTC'],
    ['aB', 'Ab'],
    ['COM1', 'com1'],
    ['x'.repeat(300), 'x'.repeat(301)],
    ['\ud800', '\ud801'],
    ['\ud800', '\ufffd'],
  ] as const) {
    expect(directoryOfLane(one).toLowerCase()).not.toBe(directoryOfLane(other).toLowerCase())
  }
})

test('a name of usual length can be read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), (name) => {
      const [escaped = '', hash] = directoryOfLane(name).split('~~')
      fc.pre(hash === undefined)
      expect(decodeURIComponent(escaped.replace(/~.*$/, ''))).toBe(name)
    }),
  )
})
