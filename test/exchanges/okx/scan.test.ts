import { describe, expect, test } from 'vitest'
import { CHANNELS, createParser } from '../../../src/exchanges/okx/decode.ts'
import { createScanner } from '../../../src/exchanges/okx/scan.ts'
import { TopicDirectory } from '../../../src/exchanges/okx/topic-directory.ts'
import { fixture, FIXTURES, noList, RECEIVED_AT } from './support.ts'
import fc from '../../support/fast-check.ts'
import { property } from '../../support/runs.ts'

const directory = new TopicDirectory(noList, CHANNELS)
const scan = createScanner(directory)
const parse = createParser(directory)

/** What the scanner answers, it answers like the parser. */
function sameOrNothing(text: string): boolean {
  const scanned = scan(text, RECEIVED_AT)
  if (scanned !== undefined) expect(scanned).toStrictEqual(parse(text, RECEIVED_AT))
  return scanned !== undefined
}

const SCANNED = [
  ...['trades', 'trades-two-rows', 'trades-old-shape', 'tickers-spot', 'tickers-swap', 'tickers-quiet'],
  ...['books5', 'books5-one-sided', 'bbo-tbt'],
  ...['books-snapshot', 'books-update', 'books-keepalive', 'books-old-shape'],
]

const SIZES = { quick: 3_000, deep: 20_000 }

describe('the shapes it knows', () => {
  test.each(SCANNED)('%s', (name) => expect(sameOrNothing(fixture(name))).toBe(true))

  test.each([...FIXTURES.keys()].filter((name) => !SCANNED.includes(name)))('%s is left to the parser', (name) => {
    expect(scan(fixture(name), RECEIVED_AT)).toBeUndefined()
  })
})

test('a channel without a name is nobody’s, whatever it holds', () => {
  expect(scan(fixture('trades').replace('"trades","instId":"', '"'), RECEIVED_AT)).toBeUndefined()
})

describe('what deviates by a byte', () => {
  test.each(SCANNED)('%s: every character dropped, doubled or changed', (name) => {
    const text = fixture(name)
    for (let at = 0; at < text.length; at++) {
      sameOrNothing(text.slice(0, at) + text.slice(at + 1))
      sameOrNothing(text.slice(0, at) + text.charAt(at) + text.slice(at))
      for (const other of ['"', '\\', ' ', '0', '-', '.', 'e', ',', '}', '\0', 'é', '\uD800']) {
        sameOrNothing(text.slice(0, at) + other + text.slice(at + 1))
        sameOrNothing(text.slice(0, at) + other + text.slice(at))
      }
    }
  })

  test.each(SCANNED)('%s: cut anywhere, and with anything after it', (name) => {
    const text = fixture(name)
    for (let end = 0; end < text.length; end++) expect(sameOrNothing(text.slice(0, end))).toBe(false)
    for (const tail of [' ', '\n', '}', text, '\0']) expect(sameOrNothing(text + tail)).toBe(false)
  })
})

describe('any frame', () => {
  const numeral = fc.oneof(
    { weight: 60, arbitrary: fc.stringMatching(/^\d{1,6}(\.\d{1,9})?$/) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '0', '00', '.5', '5.', '1.2.3', '-1', '1e5', ' 1', '9'.repeat(64), '9'.repeat(65)),
    },
  )
  const mostly = <T>(good: fc.Arbitrary<T>, ...odd: T[]) => fc.oneof({ weight: 12, arbitrary: good }, fc.constantFrom(...odd))
  const id = mostly(fc.stringMatching(/^\d{1,12}$/), '', '1'.repeat(32), '1'.repeat(33), '1a')
  // At both ends and beyond of what a time can be, and in other units.
  const [EARLIEST, LATEST] = [Date.UTC(2009, 0, 3), Date.UTC(2100, 0, 1)]
  const time = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: EARLIEST, max: LATEST - 1 }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom(EARLIEST - 1, EARLIEST, LATEST - 1, LATEST, 1e12, 9_999_999_999_999).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('', '0', '01795046400123', '1795046400', '1795046400123000', '1795046400123000000') },
  )
  const odd = [-1, 0, 1.5, 1e21, 9_007_199_254_740_991, 999_999_999_999_999, '7', '-1', 'x', '', null, {}]
  const sequence = mostly<unknown>(fc.nat(), ...odd)
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 4 })
  const instId = mostly(fc.constantFrom('BTC-USDT', 'BTC-USDT-SWAP', 'BTC-USD-261225'), 'btc-usdt', 'B"C-USDT', 'BTC', '')
  const rowFor = (own: string) => mostly(fc.constant(own), 'ETH-USDT', '')

  const trade = (own: string) =>
    fc.record({
      ...{
        instId: rowFor(own),
        tradeId: id,
        px: numeral,
        sz: numeral,
        side: mostly(fc.constantFrom('buy', 'sell'), 'Buy'),
        ts: time,
      },
      ...{
        count: optional(mostly<unknown>(id, null, 3)),
        source: optional(mostly<unknown>(fc.constantFrom('0', '1'), '', null, 0)),
        seqId: optional(sequence),
      },
    })
  const ticker = (own: string) =>
    fc.record({
      ...{
        instType: mostly(fc.constantFrom('SPOT', 'SWAP', 'FUTURES'), ''),
        instId: rowFor(own),
        last: numeral,
        lastSz: numeral,
      },
      ...{ askPx: numeral, askSz: numeral, bidPx: numeral, bidSz: numeral, open24h: numeral, high24h: numeral, low24h: numeral },
      ...{ volCcy24h: optional(numeral), vol24h: optional(numeral), sodUtc0: optional(numeral), sodUtc8: numeral, ts: time },
    })
  const amount = fc.oneof({ weight: 8, arbitrary: numeral }, fc.constantFrom('0', '0.0', '0.000', '0e0'))
  const level = fc.tuple(numeral, amount, mostly(fc.constantFrom('0', '1'), ''), id)
  const side = fc.array(fc.oneof({ weight: 40, arbitrary: level }, fc.constantFrom([], ['1'], ['1', '2'])), { maxLength: 5 })
  const checksum = mostly<unknown>(fc.integer(), ...odd)
  const book = (own: string) =>
    fc
      .record({
        ...{ asks: side, bids: side, instId: optional(rowFor(own)), ts: time },
        tail: fc.shuffledSubarray([
          ['seqId', sequence],
          ['prevSeqId', sequence],
          ['checksum', checksum],
        ] as const),
      })
      .chain(({ tail, ...row }) => fc.record(Object.fromEntries(tail)).map((numbers) => ({ ...row, ...numbers })))
  const action = mostly<unknown>(fc.constantFrom('snapshot', 'update'), 'Update', undefined)

  const frame = fc
    .tuple(fc.constantFrom('trades', 'trades-all', 'tickers', 'books5', 'bbo-tbt', 'books', 'books'), instId, action)
    .chain(([channel, own, kind]) => {
      const row = channel.startsWith('trades') ? trade(own) : channel === 'tickers' ? ticker(own) : book(own)
      const rows = fc.array<object>(row, { maxLength: 3 })
      // Written by JSON.stringify only where there is one.
      const said = channel === 'books' || kind === 'Update' ? kind : undefined
      return rows.map((data) => ({ arg: { channel, instId: own }, action: said, data }))
    })

  test('as OKX writes it, with good and bad values', () => {
    let scanned = 0
    fc.assert(
      fc.property(frame, (value) => {
        if (sameOrNothing(JSON.stringify(value))) scanned += 1
      }),
      property(SIZES),
    )
    expect(scanned).toBeGreaterThan(property(SIZES).numRuns / 20)
  })

  test('with other spacing, escapes, key orders and keys written twice', () => {
    const disguise = fc.constantFrom<(text: string) => string>(
      (text) => JSON.stringify(JSON.parse(text), null, 1),
      (text) => text.replace(/[A-Za-z]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
      (text) => text.replace('-', '\\u002d'),
      (text) => text.replace('"px":', '"px":"7","px":'),
      (text) => text.replace(/("vol24h":"[^"]*")/, '"vol24h":"7",$1,"vol24h":"8","volCcy24h":"9"'),
      (text) => text.replace(',"ts"', ',"ts":"1","ts"'),
      (text) => text.replace('"data":', '"data":[],"data":'),
      (text) => text.replace('"arg":', '"event":"login","arg":'),
      (text) => text.replace(/\{"instId"/, '{"__proto__":{"px":"1"},"instId"'),
      (text) => text.replace(/"bids":\[(.*?)\],"/, '"bids":[$1],"bids":[],"'),
      (text) => text.replace(/^\{"arg":(.*?\}),"data":(.*)\}$/, '{"data":$2,"arg":$1}'),
      (text) => text.replace(/"seqId":(\d+)/, '"seqId":7,"prevSeqId":8,"seqId":$1'),
      (text) => text.replace(/"prevSeqId":/, '"prevSeqId":-1,"checksum":-0,"prevSeqId":'),
      (text) => text.replace(/"prevSeqId":(\d+)/, '"prevSeqId":-1$1'),
      (text) => text.replace(/"checksum":/, '"checksum":-'),
      (text) => text.replace(/"action":/, '"action":"snapshot","action":'),
      (text) => text.replace(/"seqId":(\d+)/, '"seqId":0$1'),
      (text) => text.replace(/"seqId":(\d+)/, '"seqId":$1.0'),
      (text) => text.replace(/"seqId":(\d+)/, '"seqId":-0'),
      (text) => ` ${text}`,
    )
    fc.assert(
      fc.property(frame, disguise, (value, change) => void sameOrNothing(change(JSON.stringify(value)))),
      property(SIZES),
    )
  })
})
