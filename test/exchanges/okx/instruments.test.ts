import { describe, expect, test } from 'vitest'
import type { RestClient, RestOutcome } from '../../../src/core/rest-client.ts'
import { instrumentOf, loadInstruments, loadServerTime } from '../../../src/exchanges/okx/instruments.ts'
import { readRows } from '../../../src/exchanges/okx/rest-envelope.ts'
import { nativeSymbolOf } from '../../../src/exchanges/okx/symbols.ts'
import { hasRecording, recordedAnswers, SKIP_REASON } from './support.ts'

const spot = {
  ...{ instType: 'SPOT', instId: 'BTC-USDT', baseCcy: 'BTC', quoteCcy: 'USDT', settleCcy: '', tickSz: '0.1' },
  ...{ lotSz: '0.00000001', minSz: '0.00001', state: 'live', ruleType: 'normal', listTime: '1548133413000', expTime: '' },
  ...{ instFamily: '', uly: '', ctType: '', ctVal: '', ctMult: '', ctValCcy: '', instIdCode: null },
}
const swap = {
  ...{ instType: 'SWAP', instId: 'BTC-USDT-SWAP', instFamily: 'BTC-USDT', uly: 'BTC-USDT', baseCcy: '', quoteCcy: '' },
  ...{ settleCcy: 'USDT', ctType: 'linear', ctVal: '0.01', ctMult: '1', ctValCcy: 'BTC', tickSz: '0.1', lotSz: '0.01' },
  ...{ minSz: '0.01', state: 'live', ruleType: 'normal', listTime: '1573557408000', expTime: '', instIdCode: 10_459 },
}
const future = {
  ...{ ...swap, instType: 'FUTURES', instId: 'BTC-USD-261225', instFamily: 'BTC-USD', uly: 'BTC-USD', settleCcy: 'BTC' },
  ...{ ctType: 'inverse', ctVal: '100', ctValCcy: 'USD', expTime: '1798185600000' },
}
const xPerp = {
  ...{ ...swap, instType: 'FUTURES', instId: 'SUI-USD_UM_XPERP-310404', instFamily: 'SUI-USD_UM_XPERP', uly: 'SUI-USD' },
  ...{ settleCcy: 'USDC', ctVal: '1', ctValCcy: 'SUI', ruleType: 'xperp', expTime: '1933056000000' },
}

describe('one row', () => {
  test('spot', () => {
    expect(instrumentOf(spot)).toStrictEqual({
      ...{ exchange: 'okx', symbol: 'BTC-USDT', nativeSymbol: 'BTC-USDT', marketType: 'spot', base: 'BTC', quote: 'USDT' },
      ...{ settle: undefined, tickSize: '0.1', lotSize: '0.00000001', minSize: '0.00001', sizeUnit: 'base' },
      ...{ contractSize: undefined, contractAsset: undefined, contractType: undefined, live: true, state: 'live' },
      ...{ listedAt: 1_548_133_413_000, expiresAt: undefined },
    })
  })

  test('a perpetual takes its currencies from the underlying', () => {
    expect(instrumentOf(swap)).toStrictEqual({
      ...{ exchange: 'okx', symbol: 'BTC-USDT-PERP', nativeSymbol: 'BTC-USDT-SWAP', marketType: 'perpetual' },
      ...{ base: 'BTC', quote: 'USDT', settle: 'USDT', tickSize: '0.1', lotSize: '0.01', minSize: '0.01' },
      ...{ sizeUnit: 'contract', contractSize: '0.01', contractAsset: 'BTC', contractType: 'linear' },
      ...{ live: true, state: 'live', listedAt: 1_573_557_408_000, expiresAt: undefined },
    })
  })

  test('a dated future', () => {
    expect(instrumentOf(future)).toMatchObject({
      ...{ symbol: 'BTC-USD-20261225', marketType: 'future', base: 'BTC', quote: 'USD', settle: 'BTC' },
      ...{ contractSize: '100', contractAsset: 'USD', contractType: 'inverse', expiresAt: 1_798_185_600_000 },
    })
  })

  test('an X-Perp is a perpetual, although it is listed as a future', () => {
    expect(instrumentOf(xPerp)).toMatchObject({
      ...{ symbol: 'SUI-USD_UM_XPERP_310404-PERP', marketType: 'perpetual', base: 'SUI', quote: 'USD', settle: 'USDC' },
    })
    expect(instrumentOf({ ...xPerp, instId: 'NEW-USDT-XPERP', uly: '', instFamily: 'NEW-USDT' })).toMatchObject({
      ...{ symbol: 'NEW-USDT_XPERP-PERP', marketType: 'perpetual', base: 'NEW', quote: 'USDT' },
    })
  })

  test('USD-margined families name their quote without the suffix', () => {
    const row = { ...swap, instId: 'BTC-USD_UM-SWAP', instFamily: 'BTC-USD_UM', uly: '' }
    expect(instrumentOf(row)).toMatchObject({ symbol: 'BTC-USD_UM-PERP', base: 'BTC', quote: 'USD' })
  })

  test.each([
    ['0.01', '10', '0.1'],
    ['0.1', '0.00000003', '0.000000003'],
    ['100', '', '100'],
    ['', '1', undefined],
  ])('a contract of %s times %s is exactly %s', (ctVal, ctMult, contractSize) => {
    expect(instrumentOf({ ...swap, ctVal, ctMult })?.contractSize).toBe(contractSize)
  })

  test.each(['suspend', 'preopen', 'test', 'rebase', 'post_only', 'settling', 'a new word'])('%s is not live', (state) => {
    expect(instrumentOf({ ...spot, state })).toMatchObject({ live: false, state })
  })

  test('what a new listing does not say yet is undefined', () => {
    const row = { instType: 'SPOT', instId: 'NEW-USDT', baseCcy: '', quoteCcy: '', tickSz: '', lotSz: null, state: '' }
    expect(instrumentOf(row)).toMatchObject({
      ...{ symbol: 'NEW-USDT', base: 'NEW', quote: 'USDT', tickSize: undefined, lotSize: undefined, minSize: undefined },
      ...{ live: false, state: 'unknown', listedAt: undefined },
    })
  })

  test.each([
    ['tickSz', null, { tickSize: undefined }],
    ['tickSz', '1E-9', { tickSize: '0.000000001' }],
    ['tickSz', '2.5e3', { tickSize: '2500' }],
    ['tickSz', '1e-999999999', { tickSize: undefined }],
    ['lotSz', 0.1, { lotSize: '0.1' }],
    ['lotSz', 1e-7, { lotSize: '0.0000001' }],
    ['minSz', 'one', { minSize: undefined }],
    ['minSz', {}, { minSize: undefined }],
    ['minSz', 0.1 + 0.2, { minSize: undefined }],
    ['listTime', 1_548_133_413_000, { listedAt: 1_548_133_413_000 }],
    ['listTime', '1548133413', { listedAt: undefined }],
    ['expTime', '4203072000000', { expiresAt: undefined }],
    ['ruleType', null, { symbol: 'BTC-USDT-PERP' }],
    ['instFamily', 7, { base: 'BTC', quote: 'USDT' }],
    ['uly', [], { base: 'BTC', quote: 'USDT' }],
    ['baseCcy', null, { base: 'BTC' }],
    ['settleCcy', null, { settle: undefined }],
    ['ctType', null, { contractType: undefined }],
    ['state', 5, { state: 'unknown', live: false }],
    ['ctVal', 0.01, { contractSize: '0.01' }],
    ['ctMult', null, { contractSize: '0.01' }],
    ['ctMult', undefined, { contractSize: '0.01' }],
    // Unlike one that is not there, which means 1.
    ['ctMult', 'many', { contractSize: undefined }],
    ['maxIcebergSz', null, {}],
  ])('%s %j costs no more than the field', (field, value, expected) => {
    expect(instrumentOf({ ...swap, [field]: value })).toMatchObject({ symbol: 'BTC-USDT-PERP', ...expected })
  })

  test.each(Object.keys(swap))('a row without %s, with "" and with null are the same', (field) => {
    const [absent, empty, none] = [undefined, '', null].map((value) => instrumentOf({ ...swap, [field]: value }))
    expect([empty, none]).toStrictEqual([absent, absent])
  })

  test.each([
    null,
    7,
    {},
    { ...spot, instId: '' },
    { ...spot, instId: 7 },
    { ...spot, instType: 'OPTION' },
    { ...future, instId: 'BTC-USD-261225-50000-C' },
  ])('no instrument: %#', (row) => {
    expect(instrumentOf(row)).toBeUndefined()
  })
})

const lists: Readonly<Record<string, unknown[]>> = { SPOT: [null, spot], SWAP: [swap, { instId: 1 }], FUTURES: [future, xPerp] }

/** Answers every GET from `answers`, through the definition's own reading of the body. */
function fakeRest(answer: (path: string) => unknown): RestClient {
  return {
    async get(path, read) {
      const outcome = read(answer(path))
      if (outcome.kind !== 'ok') throw new Error(`${outcome.kind}: ${outcome.message}`)
      return outcome.data
    },
  }
}

describe('the lists', () => {
  const rest = fakeRest((path) => {
    const type = /^\/api\/v5\/public\/instruments\?instType=(\w+)$/.exec(path)?.[1] ?? ''
    return { code: '0', msg: '', data: lists[type] }
  })

  test.each([
    ['spot', ['BTC-USDT']],
    ['perpetual', ['BTC-USDT-PERP', 'SUI-USD_UM_XPERP_310404-PERP']],
    ['future', ['BTC-USD-20261225']],
  ] as const)('%s, without the rows that cannot be read', async (marketType, symbols) => {
    const instruments = await loadInstruments(rest, marketType)
    expect(instruments.map((instrument) => instrument.symbol)).toEqual(symbols)
  })

  test('a list none of which can be read is no empty list', async () => {
    const listOf = (data: unknown) =>
      loadInstruments(
        fakeRest(() => ({ code: '0', data })),
        'spot',
      )
    await expect(listOf([null, { ...spot, instId: 7 }])).rejects.toThrow('no row that can be read')
    await expect(listOf([])).resolves.toEqual([])
  })

  test('the exchange time', async () => {
    const clock = (ts: unknown) => loadServerTime(fakeRest(() => ({ code: '0', data: [{ ts }] })))
    await expect(clock('1597026383085')).resolves.toBe(1_597_026_383_085)
    await expect(clock('')).rejects.toThrow('no time')
    await expect(clock(1_597_026_383_085)).resolves.toBe(1_597_026_383_085)
    for (const ts of [7, null, undefined, '1597026383', {}]) await expect(clock(ts)).rejects.toThrow('no time')
  })

  test.each<[unknown, RestOutcome<readonly unknown[]>]>([
    [
      { code: '0', data: [1] },
      { kind: 'ok', data: [1] },
    ],
    [
      { code: '50011', msg: 'Too Many Requests', data: [] },
      { kind: 'retry', message: '50011 Too Many Requests' },
    ],
    [
      { code: 0, msg: null, data: null },
      { kind: 'ok', data: [] },
    ],
    [
      { code: 51000, msg: { words: 1 }, data: '' },
      { kind: 'failed', message: '51000' },
    ],
    [
      { code: '50001', msg: 'Service unavailable' },
      { kind: 'retry', message: '50001 Service unavailable' },
    ],
    [
      { code: '51000', msg: 'Parameter instType error' },
      { kind: 'failed', message: '51000 Parameter instType error' },
    ],
  ])('the envelope %j', (body, outcome) => {
    expect(readRows(body)).toEqual(outcome)
  })

  test.each([null, [], {}, { code: null, data: [] }, { code: '0', data: {} }])('no envelope: %j', (body) => {
    expect(() => readRows(body)).toThrow()
  })
})

describe('the recorded lists of 2022', () => {
  test.skipIf(!hasRecording).each([
    ['SPOT', 'spot', 'BTC-USDT'],
    ['SWAP', 'perpetual', 'BTC-USD-PERP'],
    ['FUTURES', 'future', 'BTC-USD-20220520'],
  ])(`%s (else: ${SKIP_REASON})`, (instType, marketType, first) => {
    const [, body = ''] = [...recordedAnswers()].find(([url]) => url.endsWith(`instType=${instType}`)) ?? []
    const outcome = readRows(JSON.parse(body))
    if (outcome.kind !== 'ok') throw new Error(outcome.message)
    const instruments = outcome.data.map((row) => instrumentOf(row))
    expect(instruments).toHaveLength(40)
    for (const instrument of instruments) {
      expect(instrument).toMatchObject({ marketType, live: true })
      expect(instrument?.tickSize).toBeDefined()
      expect(instrument?.sizeUnit === 'contract').toBe(instrument?.contractSize !== undefined)
      expect(nativeSymbolOf(instrument!.symbol)).toBe(instrument?.nativeSymbol)
    }
    expect(instruments[0]?.symbol).toBe(first)
    expect(new Set(instruments.map((instrument) => instrument?.symbol)).size).toBe(40)
  })
})
