import { describe, expect, test } from 'vitest'
import { MAX_FRAME_LENGTH } from '../../../src/core/frame.ts'
import { decimalString } from '../../../src/domain/decimal.ts'
import { occurrencesOf } from '../../../src/errors/tapekeeper-error.ts'
import { createDecoder } from '../../../src/exchanges/okx/decode.ts'
import { brokenRule } from './invariants.ts'
import { dataOf, fixture, FIXTURES, noList, RECEIVED_AT } from './support.ts'

const decode = createDecoder(noList)
const decodeData = (text: string) => dataOf(decode(text, RECEIVED_AT))
const point = (symbol: string, dataType: string, timestamp: number, data: object) => ({
  ...{ exchange: 'okx', symbol, dataType, timestamp, receivedAt: RECEIVED_AT, data },
})
const noFigures = { last: undefined, bid: undefined, bidSize: undefined, ask: undefined, askSize: undefined }
const noStatistics = {
  open24h: undefined,
  high24h: undefined,
  low24h: undefined,
  volume24h: undefined,
  quoteVolume24h: undefined,
}

describe('data frames', () => {
  test.each([
    [
      'trades',
      'trades:BTC-USDT',
      [
        point('BTC-USDT', 'trade', 1_795_046_400_123, {
          ...{ id: '812340017', price: '91250.1', size: '0.00431', side: 'buy', count: 3, backfilled: false },
        }),
      ],
    ],
    [
      'trades-two-rows',
      'trades:BTC-USDT-SWAP',
      [
        point('BTC-USDT-PERP', 'trade', 1_795_046_400_200, {
          ...{ id: '1900000001', price: '91243', size: '12.5', side: 'sell', count: 1, backfilled: false },
        }),
        point('BTC-USDT-PERP', 'trade', 1_795_046_400_200, {
          ...{ id: '1900000004', price: '91242.9', size: '3', side: 'sell', count: 3, backfilled: false },
        }),
      ],
    ],
    [
      'trades-old-shape',
      'trades:BTC-USDT',
      [
        point('BTC-USDT', 'trade', 1_652_459_226_050, {
          ...{ id: '410', price: '30227.6', size: '1', side: 'sell', count: undefined, backfilled: false },
        }),
      ],
    ],
    [
      'trades-all',
      'trades-all:BTC-USDT',
      [
        point('BTC-USDT', 'trade', 1_795_046_400_456, {
          // Trailing zeros are the exchange's own and stay.
          ...{ id: '812340018', price: '91250.10', size: '0.10000000', side: 'sell', count: undefined, backfilled: false },
        }),
      ],
    ],
    ['trades-empty', 'trades:BTC-USDT', []],
    [
      'tickers-spot',
      'tickers:BTC-USDT',
      [
        point('BTC-USDT', 'ticker', 1_795_046_400_500, {
          ...{ last: '91250.1', bid: '91250.1', bidSize: '1.25', ask: '91250.2', askSize: '0.5' },
          ...{ open24h: '90000', high24h: '92010.5', low24h: '89500' },
          ...{ volume24h: '5631.87654321', quoteVolume24h: '512345678.12345678' },
        }),
      ],
    ],
    [
      'tickers-swap',
      'tickers:BTC-USDT-SWAP',
      [
        point('BTC-USDT-PERP', 'ticker', 1_795_046_400_501, {
          ...{ last: '91243', bid: '91243', bidSize: '15', ask: '91243.1', askSize: '210.4' },
          ...{ open24h: '90010', high24h: '92000', low24h: '89490.5' },
          // volCcy24h of a derivative is in base currency: no quote volume.
          ...{ volume24h: '4211000.5', quoteVolume24h: undefined },
        }),
      ],
    ],
    [
      'tickers-quiet',
      'tickers:NEW-USDT',
      [
        point('NEW-USDT', 'ticker', 1_795_046_400_502, {
          ...{ ...noFigures, bid: '0.0000012', bidSize: '500000' },
          ...{ ...noStatistics, volume24h: '0', quoteVolume24h: '0' },
        }),
      ],
    ],
    [
      'books5',
      'books5:BTC-USDT',
      [
        point('BTC-USDT', 'orderbook', 1_795_046_400_600, {
          kind: 'snapshot',
          bids: [
            ['91250.1', '1.25'],
            ['91250', '0.02'],
            ['91249.7', '7'],
          ],
          asks: [
            ['91250.2', '0.5'],
            ['91250.5', '1.00000001'],
          ],
          sequence: 70_012_345_800,
          previousSequence: undefined,
        }),
      ],
    ],
    [
      'books5-one-sided',
      'books5:NEW-USDT',
      [
        point('NEW-USDT', 'orderbook', 1_795_046_400_601, {
          ...{ kind: 'snapshot', bids: [['0.0000012', '500000']], asks: [], sequence: 12, previousSequence: undefined },
        }),
      ],
    ],
    [
      'bbo-tbt',
      'bbo-tbt:BTC-USDT',
      [
        point('BTC-USDT', 'orderbook', 1_795_046_400_602, {
          ...{ kind: 'snapshot', bids: [['91250.1', '1.25']], asks: [['91250.2', '0.5']] },
          ...{ sequence: 70_012_345_801, previousSequence: undefined },
        }),
      ],
    ],
    [
      'books-snapshot',
      'books:BTC-USDT',
      [
        point('BTC-USDT', 'orderbook', 1_795_046_400_700, {
          kind: 'snapshot',
          bids: [['91250.1', '1.25']],
          asks: [
            ['91250.2', '0.5'],
            ['91250.5', '1'],
          ],
          sequence: 70_012_345_900,
          // -1 on the wire: a snapshot builds on nothing.
          previousSequence: undefined,
        }),
      ],
    ],
    [
      'books-update',
      'books:BTC-USDT',
      [
        point('BTC-USDT', 'orderbook', 1_795_046_400_800, {
          ...{ kind: 'update', bids: [['91250.1', '1.5']], asks: [['91250.2', '0']] },
          ...{ sequence: 70_012_345_907, previousSequence: 70_012_345_900 },
        }),
      ],
    ],
    [
      'books-keepalive',
      'books:BTC-USDT',
      [
        point('BTC-USDT', 'orderbook', 1_795_046_460_800, {
          ...{ kind: 'update', bids: [], asks: [], sequence: 70_012_345_907, previousSequence: 70_012_345_907 },
        }),
      ],
    ],
    [
      'books-old-shape',
      'books:BTC-USDT',
      [
        point('BTC-USDT', 'orderbook', 1_652_459_225_453, {
          // No sequence numbers in 2022: undefined, because a 0 would look like a gap.
          ...{ kind: 'update', bids: [], asks: [['30243.5', '1.2112']], sequence: undefined, previousSequence: undefined },
        }),
      ],
    ],
    [
      'account',
      'account',
      [
        point('USDT', 'balance', 1_795_046_400_850, { asset: 'USDT', free: '1000.25', locked: '500', total: '1500.25' }),
        // No uTime of its own: the account's. A debt is negative.
        point('BTC', 'balance', 1_795_046_400_900, { asset: 'BTC', free: undefined, locked: '0', total: '-0.5' }),
      ],
    ],
  ])('%s', (name, topicKey, points) => {
    expect(decode(fixture(name), RECEIVED_AT)).toStrictEqual({ kind: 'data', topicKey, points, errors: [] })
  })

  test.each([
    ['candle1m', '1m', 1_795_046_400_000, 1_795_046_460_000, 'open', '12.50431', '1141234.5'],
    ['candle1Dutc', '1d', 1_794_960_000_000, 1_795_046_400_000, 'closed', '4211000.5', '3842000000.75'],
    ['candle1Mutc', '1M', 1_793_491_200_000, Date.UTC(2026, 11, 1), 'open', '1000', '91000000'],
  ])('%s', (name, timeframe, openTime, closeTime, status, volume, quoteVolume) => {
    const [candle, ...others] = decodeData(fixture(name)).points
    expect(others).toEqual([])
    expect(candle).toMatchObject({
      ...{ dataType: 'candle', timestamp: openTime },
      data: { timeframe, openTime, closeTime, status, complete: true, source: 'exchange', tradesCount: undefined },
    })
    if (candle?.dataType !== 'candle') throw new Error('no candle')
    expect([candle.data.volume.toString(), candle.data.quoteVolume?.toString()]).toEqual([volume, quoteVolume])
  })

  test('candle figures are exact', () => {
    const [candle] = decodeData(fixture('candle1m')).points
    if (candle?.dataType !== 'candle') throw new Error('no candle')
    const { open, high, low, close } = candle.data
    expect([open, high, low, close].map(String)).toEqual(['91200.1', '91260', '91199.9', '91250.1'])
  })

  test.each([...FIXTURES.keys()])('%s: every point keeps every rule', (name) => {
    for (const each of decodeData(fixture(name)).points) expect(brokenRule(each, RECEIVED_AT)).toBeUndefined()
  })

  test('the exchange list wins over the convention, also when it is loaded late', () => {
    const list = new Map<string, string>()
    const decodeWithList = createDecoder({ symbolOf: (native) => list.get(native) })
    expect(dataOf(decodeWithList(fixture('trades'), 1)).points[0]?.symbol).toBe('BTC-USDT')
    list.set('BTC-USDT', 'XBT-USDT')
    expect(dataOf(decodeWithList(fixture('trades'), 1)).points[0]?.symbol).toBe('XBT-USDT')
  })

  test('more instruments than anybody lists do not fill the memory or change the answers', () => {
    const decodeMany = createDecoder(noList)
    for (let i = 0; i < 25_000; i++) {
      const text = fixture('trades').replaceAll('BTC-USDT', `COIN${i}-USDT`)
      expect(dataOf(decodeMany(text, 1)).points[0]?.symbol).toBe(`COIN${i}-USDT`)
    }
  })
})

describe('a bad row costs that row', () => {
  const good = { instId: 'BTC-USDT', tradeId: '1', px: '10.5', sz: '2', side: 'buy', ts: '1795046400123', count: '1' }
  const trades = (...rows: unknown[]) => JSON.stringify({ arg: { channel: 'trades', instId: 'BTC-USDT' }, data: rows })

  test.each([
    ['px', 10.5, 'px is 10.5'],
    ['px', '', 'px is ""'],
    ['px', 'NaN', 'px is "NaN"'],
    ['px', '1e5', 'px is "1e5"'],
    ['px', ' 1', 'px is " 1"'],
    ['px', '-1', 'px is "-1"'],
    ['px', undefined, 'px is missing'],
    ['px', null, 'px is null'],
    ['px', '1'.repeat(65), `px is "${'1'.repeat(60)}…"`],
    ['sz', ['1'], 'sz is an array'],
    ['sz', { value: '1' }, 'sz is an object'],
    ['sz', '1.', 'sz is "1."'],
    ['side', 'BUY', 'side is "BUY"'],
    ['side', true, 'side is true'],
    ['ts', '0', 'ts is "0"'],
    ['ts', '', 'ts is ""'],
    ['ts', 1_795_046_400_123, 'ts is 1795046400123'],
    ['ts', '99999999999999999', 'ts is "99999999999999999"'],
    ['ts', '8640000000000001', 'ts is "8640000000000001"'],
    ['ts', '1795046400.123', 'ts is "1795046400.123"'],
    ['tradeId', '12a', 'tradeId is "12a"'],
    ['tradeId', 12, 'tradeId is 12'],
    ['tradeId', '', 'tradeId is ""'],
    ['tradeId', '1'.repeat(33), `tradeId is "${'1'.repeat(33)}"`],
    ['count', '0', 'count is "0"'],
    ['count', 0, 'count is 0'],
    ['count', 1.5, 'count is 1.5'],
    ['count', 'three', 'count is "three"'],
    ['ts', '1795046400', 'ts is "1795046400", which looks like seconds, not whole epoch milliseconds from 2009 to 2100'],
    ['ts', '1795046400123000', 'ts is "1795046400123000", which looks like microseconds'],
    ['ts', '1795046400123000000', 'ts is "1795046400123000000", which looks like nanoseconds'],
    // The year 58860.
    ['ts', '1795046400123456', 'ts is "1795046400123456", which looks like microseconds'],
    ['ts', '1230940799999', 'ts is "1230940799999", not whole epoch milliseconds'],
    ['ts', '4102444800000', 'ts is "4102444800000", not whole epoch milliseconds'],
    ['instId', 'ETH-USDT', 'instId is "ETH-USDT"'],
    ['instId', 7, 'instId is 7'],
  ])('trade with %s %j', (field, value, message) => {
    const text = trades(good, { ...good, tradeId: '2', [field]: value }, { ...good, tradeId: '3' })
    const { points, errors } = decodeData(text)
    expect(points.map((each) => each.dataType === 'trade' && each.data.id)).toEqual(['1', '3'])
    expect(errors).toHaveLength(1)
    expect(errors[0]?.code).toBe('FRAME_INVALID')
    expect(errors[0]?.message).toContain(message)
    expect(errors[0]?.context).toEqual({
      ...{ exchange: 'okx', channel: 'trades', nativeSymbol: 'BTC-USDT', frame: text.slice(0, 200) },
    })
  })

  test.each([null, 7, 'row', ['row'], true])('a row that is %j', (row) => {
    const { points, errors } = decodeData(trades(row, good))
    expect([points.length, errors.length]).toEqual([1, 1])
  })

  test('a row without instId belongs to its frame', () => {
    const { points } = decodeData(trades({ ...good, instId: undefined }))
    expect(points[0]?.symbol).toBe('BTC-USDT')
  })

  test.each([
    ['last', '1e5'],
    ['askSz', '-1'],
    // Written by JSON as a number, these digits are not certain.
    ['bidPx', 0.1 + 0.2],
    ['bidPx', true],
    ['vol24h', 'many'],
    ['volCcy24h', {}],
    ['ts', ''],
    ['ts', '1795046400'],
  ])('ticker with %s %j', (field, value) => {
    const frame = JSON.parse(fixture('tickers-spot')) as { data: Record<string, unknown>[] }
    frame.data[0]![field] = value
    const { points, errors } = decodeData(JSON.stringify(frame))
    expect(points).toEqual([])
    expect(errors[0]?.message).toContain(`okx tickers:BTC-USDT: ${field} is `)
  })

  test.each([
    [0, '1795046400001', 'the opening time'],
    [0, 1_795_046_400_000, 'the opening time'],
    [0, '', 'the opening time'],
    [0, '1795046400', 'the opening time'],
    [0, '1795046400000000', 'the opening time'],
    [1, '', 'open'],
    [4, '1e3', 'close'],
    [5, null, 'vol'],
    [7, 'x', 'volCcyQuote'],
    [8, '2', 'confirm'],
    [8, 1, 'confirm'],
  ])('candle with %i %j', (index, value, field) => {
    const frame = JSON.parse(fixture('candle1m')) as { data: unknown[][] }
    frame.data[0]![index] = value
    const { points, errors } = decodeData(JSON.stringify(frame))
    expect(points).toEqual([])
    expect(errors[0]?.message).toContain(`okx candle1m:BTC-USDT: ${field} is `)
  })

  test.each([
    [{}, 'an object'],
    ['row', '"row"'],
    [null, 'null'],
  ])('a candle that is %j', (row, shown) => {
    const { points, errors } = decodeData(JSON.stringify({ arg: { channel: 'candle1m', instId: 'BTC-USDT' }, data: [row] }))
    expect([points, errors[0]?.message]).toEqual([[], `okx candle1m:BTC-USDT: the row is ${shown}, not an array`])
  })

  test.each([
    ['ccy', ''],
    ['ccy', undefined],
    ['availBal', []],
    ['frozenBal', '--1'],
    ['cashBal', 'NaN'],
    ['uTime', 'yesterday'],
    ['uTime', '1795046400'],
  ])('balance with %s %j', (field, value) => {
    const frame = JSON.parse(fixture('account')) as { data: { details: Record<string, unknown>[] }[] }
    frame.data[0]!.details[0]![field] = value
    const { points, errors } = decodeData(JSON.stringify(frame))
    expect(points.map((each) => each.symbol)).toEqual(['BTC'])
    expect(errors[0]?.message).toContain(`okx account: ${field} is `)
  })

  test.each([
    ['details', { uTime: '1' }],
    ['the row', null],
  ])('account without %s', (field, row) => {
    const { points, errors } = decodeData(JSON.stringify({ arg: { channel: 'account' }, data: [row] }))
    expect(points).toEqual([])
    expect(errors[0]?.message).toContain(`okx account: ${field} is `)
  })
})

describe('a bad book costs the frame', () => {
  test.each([
    ['asks', null],
    ['bids', undefined],
    ['bids', 'none'],
    ['asks', [['1']]],
    ['asks', [[1, 2]]],
    ['asks', ['1']],
    ['bids', [['1', '-2']]],
    ['bids', [['1', '2'], null]],
    ['ts', '0'],
    ['bids', [['0', '2']]],
    ['asks', [['0.00', '2']]],
    ['asks', [['1', '0e0']]],
    ['ts', '1795046400'],
    ['seqId', '1.2'],
    ['seqId', 1.5],
    ['seqId', -2],
    ['seqId', {}],
    ['prevSeqId', 'x'],
    ['prevSeqId', false],
    ['prevSeqId', 1e300],
    ['instId', 'ETH-USDT'],
  ])('book with %s %j', (field, value) => {
    const frame = JSON.parse(fixture('books-update')) as { data: Record<string, unknown>[] }
    frame.data[0]![field] = value
    const decoded = decode(JSON.stringify(frame), RECEIVED_AT)
    if (decoded.kind !== 'invalid') throw new Error(decoded.kind)
    expect(decoded.error.code).toBe('FRAME_INVALID')
    expect(decoded.error.message).toMatch(new RegExp(`^okx books:BTC-USDT: .*${field}`))
  })

  test.each([
    ['books', undefined],
    ['books', 'refresh'],
    ['books5', 'update'],
    ['bbo-tbt', 7],
  ])('%s with action %j', (channel, action) => {
    const frame = JSON.parse(fixture('books-update')) as { arg: { channel: string }; action?: unknown }
    frame.arg.channel = channel
    frame.action = action
    expect(decode(JSON.stringify(frame), RECEIVED_AT).kind).toBe('invalid')
  })
})

describe('what may be left out', () => {
  const row = { ...{ instId: 'BTC-USDT', tradeId: '7', px: '10.5', sz: '2', side: 'buy', ts: '1795046400123' }, count: '1' }
  const tradeWith = (more: object) =>
    decodeData(JSON.stringify({ arg: { channel: 'trades', instId: 'BTC-USDT' }, data: [{ ...row, ...more }] }))
  const changed = (name: string, fields: object) => {
    const frame = JSON.parse(fixture(name)) as { data: Record<string, unknown>[] }
    frame.data[0] = { ...frame.data[0], ...fields }
    return JSON.stringify(frame)
  }

  test.each([
    ['count', '', undefined],
    ['count', null, undefined],
    ['count', 3, 3],
    ['count', '3', 3],
    ['source', '', 1],
    ['source', null, 1],
    ['source', 0, 1],
    ['seqId', '9', 1],
    ['seqId', null, 1],
    ['seqId', {}, 1],
    ['instId', null, 1],
    ['instId', '', 1],
    ['newField', null, 1],
  ])('trade with %s %j', (field, value, count) => {
    const { points, errors } = tradeWith({ [field]: value })
    expect(errors).toEqual([])
    expect(points).toMatchObject([{ symbol: 'BTC-USDT', data: { id: '7', price: '10.5', count } }])
  })

  test.each([
    'last',
    'lastSz',
    'bidPx',
    'bidSz',
    'askPx',
    'askSz',
    'open24h',
    'high24h',
    'low24h',
    'vol24h',
    'volCcy24h',
    'sodUtc0',
    'instId',
  ])('a ticker without %s, with "" and with null are the same', (field) => {
    const frames = [undefined, '', null].map((value) => decodeData(changed('tickers-spot', { [field]: value })))
    expect(frames[0]?.points).toHaveLength(1)
    for (const frame of frames) expect(frame).toStrictEqual(frames[0])
  })

  test('a figure that comes as a number is that number', () => {
    const { points } = decodeData(changed('tickers-spot', { last: 91250.1, bidSz: 1e-7, vol24h: 12, open24h: 123456789.012345 }))
    expect(points).toMatchObject([
      { data: { last: '91250.1', bidSize: '0.0000001', volume24h: '12', open24h: '123456789.012345' } },
    ])
  })

  test('a quote with nothing behind it is none', () => {
    const { points } = decodeData(changed('tickers-spot', { bidSz: '0', askSz: '0.00' }))
    expect(points).toMatchObject([{ data: { ...noFigures, last: '91250.1' } }])
  })

  test.each(['availBal', 'frozenBal', 'cashBal', 'uTime'])(
    'a balance without %s, with "" and with null are the same',
    (field) => {
      const [absent, ...others] = [undefined, '', null].map((value) => {
        const frame = JSON.parse(fixture('account')) as { data: { details: Record<string, unknown>[] }[] }
        frame.data[0]!.details[0]![field] = value
        return decodeData(JSON.stringify(frame))
      })
      expect(absent).toMatchObject({ points: [{ symbol: 'USDT' }, { symbol: 'BTC' }], errors: [] })
      for (const other of others) expect(other).toStrictEqual(absent)
    },
  )

  test('a debt may come as a number, too', () => {
    const frame = JSON.parse(fixture('account')) as { data: { details: Record<string, unknown>[] }[] }
    frame.data[0]!.details[0]!['cashBal'] = -1.5
    expect(decodeData(JSON.stringify(frame)).points[0]).toMatchObject({ data: { total: '-1.5' } })
  })

  test.each([
    ['books5', 'seqId', undefined],
    ['books5', 'seqId', null],
    ['books5', 'seqId', ''],
    ['books5', 'seqId', -1],
    ['books5', 'seqId', {}],
    ['books5', 'seqId', 'x'],
    ['books5', 'prevSeqId', 'x'],
    ['books5', 'checksum', null],
    ['books5', 'action', null],
    ['bbo-tbt', 'seqId', 1.5],
    ['books-snapshot', 'prevSeqId', 'x'],
    ['books-snapshot', 'checksum', null],
    ['books-update', 'checksum', 'x'],
  ])('%s with %s %j is delivered', (name, field, value) => {
    const { points, errors } = decodeData(changed(name, { [field]: value }))
    expect([points.length, errors.length]).toEqual([1, 0])
  })

  test.each([
    ['12', '11', 12, 11],
    ['12', 11, 12, 11],
    [12, '', 12, undefined],
    [12, null, 12, undefined],
    [12, -1, 12, undefined],
    [12, '-1', 12, undefined],
    [null, 11, undefined, 11],
    ['', '', undefined, undefined],
    [0, 0, 0, 0],
  ])('an update of seqId %j after %j is number %j after %j', (seqId, prevSeqId, sequence, previousSequence) => {
    const [book] = decodeData(changed('books-update', { seqId, prevSeqId })).points
    expect(book?.data).toMatchObject({ sequence, previousSequence })
  })

  test('an event that is blank is none', () => {
    for (const event of [null, '']) {
      const frame = { ...(JSON.parse(fixture('trades')) as object), event }
      expect(decodeData(JSON.stringify(frame)).points).toHaveLength(1)
    }
  })
})

describe('a snapshot is a book as anybody expects one', () => {
  const book = (channel: string, bids: unknown, asks: unknown) => {
    const action = channel === 'books' ? 'snapshot' : undefined
    const data = [
      { asks, bids, instId: 'BTC-USDT', ts: '1795046400600', seqId: 5, prevSeqId: channel === 'books' ? -1 : undefined },
    ]
    return JSON.stringify({ arg: { channel, instId: 'BTC-USDT' }, action, data })
  }
  const wire = (...pairs: string[]) => pairs.map((pair) => [...pair.split(':'), '0', '1'])
  const plain = (...pairs: string[]) => pairs.map((pair) => pair.split(':'))

  test.each(['bbo-tbt', 'books5', 'books'])('%s: a level without size is none, however its zero is written', (channel) => {
    const bids = wire('101:0', '100.5:0.0', '100:2', '99:0.000', '98:3', '97:00')
    const asks = wire('0:0', '102:0.00', '103:1')
    const { data } = decodeData(book(channel, bids, asks)).points[0]!
    expect(data).toMatchObject({ kind: 'snapshot', bids: plain('100:2', '98:3'), asks: plain('103:1') })
    expect(decodeData(book(channel, wire('1:0'), [])).points[0]).toMatchObject({ data: { bids: [], asks: [] } })
  })

  test.each(['books5', 'books'])('%s: best first, each price once', (channel) => {
    const bids = wire('98:1', '100:2', '99:3', '100.0:4', '9.5:1')
    const asks = wire('101:1', '103:2', '102:3', '103.00:0')
    const { data } = decodeData(book(channel, bids, asks)).points[0]!
    expect(data).toMatchObject({ bids: plain('100.0:4', '99:3', '98:1', '9.5:1'), asks: plain('101:1', '102:3') })
  })

  test('crossed, as before an opening, it stays as it is', () => {
    expect(decodeData(book('books5', wire('105:1'), wire('104:1'))).points[0]).toMatchObject({
      data: { bids: plain('105:1'), asks: plain('104:1') },
    })
  })

  test('in an update a zero removes a level, and the order is the exchange\u2019s', () => {
    const text = JSON.stringify({
      ...{ arg: { channel: 'books', instId: 'BTC-USDT' }, action: 'update' },
      data: [{ asks: wire('103:0', '102:1'), bids: wire('99:1', '100:0.0'), ts: '1795046400600', seqId: 6, prevSeqId: 5 }],
    })
    expect(decodeData(text).points[0]).toMatchObject({
      data: { kind: 'update', bids: plain('99:1', '100:0.0'), asks: plain('103:0', '102:1'), sequence: 6, previousSequence: 5 },
    })
  })
})

describe('a frame full of bad rows', () => {
  const good = { instId: 'BTC-USDT', tradeId: '1', px: '10.5', sz: '2', side: 'buy', ts: '1795046400123' }
  const frameOf = (channel: string, data: unknown[]) => JSON.stringify({ arg: { channel, instId: 'BTC-USDT' }, data })

  test.each([
    ['trades', 4, 4],
    ['trades', 5, 5],
    ['trades', 6, 6],
    ['trades-all', 50_000, 6],
    ['tickers', 50_000, 6],
    ['candle1m', 50_000, 6],
  ])('%s: %i bad ones are told in %i errors, and all counted', (channel, bad, told) => {
    const { points, errors } = decodeData(frameOf(channel, [good, ...Array.from({ length: bad }, () => ({ px: 1 })), good]))
    // As a ticker, too, a row with no more than a time is good.
    const isCandle = channel === 'candle1m'
    expect(points).toHaveLength(isCandle ? 0 : 2)
    const wrong = isCandle ? bad + 2 : bad
    expect(errors).toHaveLength(Math.min(told, 6))
    expect(errors.reduce((sum, error) => sum + occurrencesOf(error), 0)).toBe(wrong)
    if (wrong > 5) expect(errors.at(-1)?.message).toBe(`okx ${channel}:BTC-USDT: ${wrong - 5} more rows cannot be used`)
  })

  test('an account\u2019s, in the order they come', () => {
    const details = Array.from({ length: 9 }, (_, index) => ({ ccy: `C${index}` }))
    const data = [null, { details: 7 }, { details: [7, ...details] }, { uTime: '1795046400900', details: [{ ccy: 'BTC' }] }]
    const { points, errors } = decodeData(JSON.stringify({ arg: { channel: 'account' }, data }))
    expect(points.map(({ symbol }) => symbol)).toEqual(['BTC'])
    expect(errors.map(({ message }) => message.slice('okx account: '.length))).toEqual([
      ...['the row is null, not an object', 'details is 7, not an array', 'the asset is 7, not an object'],
      ...[
        'uTime is missing, not whole epoch milliseconds from 2009 to 2100',
        'uTime is missing, not whole epoch milliseconds from 2009 to 2100',
      ],
      '7 more rows cannot be used',
    ])
  })
})

describe('frames that cannot be read', () => {
  test.each([
    ['', 'the frame is empty'],
    ['{"arg":', 'the frame is not JSON'],
    ['pong ', 'the frame is not JSON'],
    ['null', 'the frame is null'],
    ['[]', 'the frame is an array'],
    ['"text"', 'the frame is "text"'],
    ['7', 'the frame is 7'],
    ['{}', 'arg is missing'],
    ['{"arg":null,"data":[]}', 'arg is null'],
    ['{"arg":["trades"],"data":[]}', 'arg is an array'],
    ['{"arg":{"channel":7},"data":[]}', 'arg.channel is 7'],
    ['{"arg":{"channel":"trades","instId":"BTC-USDT"}}', 'data is missing'],
    ['{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":{"0":{}}}', 'data is an object'],
    ['{"arg":{"channel":"account"},"data":null}', 'data is null'],
    ['{"arg":{"channel":"trades"},"data":[]}', 'arg.instId is missing'],
    ['{"arg":{"channel":"trades","instId":7},"data":[]}', 'arg.instId is 7'],
    ['{"arg":{"channel":"trades","instId":"BTC-USD-261225-50000-C"},"data":[]}', 'arg.instId is "BTC-USD-261225-50000-C"'],
    [`{"arg":{"channel":"trades","instId":"${'B'.repeat(70)}-USDT"},"data":[]}`, 'arg.instId is "BBBB'],
    ['{"event":7}', 'event is 7'],
    [' '.repeat(MAX_FRAME_LENGTH + 1), 'characters are too long'],
  ])('%#', (text, message) => {
    const frame = decode(text, RECEIVED_AT)
    if (frame.kind !== 'invalid') throw new Error(frame.kind)
    expect(frame.error.code).toBe('FRAME_INVALID')
    expect(frame.error.message).toContain(message)
    expect(frame.error.context).toMatchObject({ exchange: 'okx', frame: text.slice(0, 200) })
  })

  test.each([
    ['arrays', '['.repeat(1_000_000)],
    ['closed arrays', '['.repeat(100_000) + ']'.repeat(100_000)],
    [
      'a price',
      `{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[[${'['.repeat(100_000)}${']'.repeat(100_000)}]]}]}`,
    ],
  ])('nested without end: %s', (_name, text) => {
    expect(decode(text, RECEIVED_AT).kind).toBe('invalid')
  })

  test('a canonical frame that is too long is refused, too', () => {
    const row = /\[(\{.*\})\]/.exec(fixture('trades'))?.[1] ?? ''
    const rows = Array.from({ length: Math.ceil(MAX_FRAME_LENGTH / row.length) }, () => row)
    const text = fixture('trades').replace(row, rows.join(','))
    expect(decode(text, RECEIVED_AT).kind).toBe('invalid')
  })

  test.each(['candle1D', 'candle1W', 'candle6H', 'candle5s', 'status', 'mark-price', 'books-l2-tbt', '__proto__', 'constructor'])(
    'a channel nobody subscribed to is ignored: %s',
    (channel) => {
      expect(decode(JSON.stringify({ arg: { channel, instId: 'BTC-USDT' }, data: [{}] }), 1)).toEqual({ kind: 'ignored' })
    },
  )
})

test('prices pass as they are', () => {
  const [trade] = decodeData(fixture('trades-old-shape')).points
  expect(trade?.dataType === 'trade' && trade.data.price).toBe(decimalString('30227.6'))
})
