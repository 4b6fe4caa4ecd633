import { expect, test } from 'vitest'
import type { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { createMemoryRepository } from '../../../src/storage/memory/create-memory-repository.ts'
import type { StorageRecord } from '../../../src/storage/storage-record.ts'
import { flawOf } from '../../../src/storage/writer/flaw-of.ts'
import { StorageWriter } from '../../../src/storage/writer/storage-writer.ts'
import { candle, trade } from './hostile-world.ts'

const oddTrade = (fields: object, data: object = {}): StorageRecord => ({
  kind: 'trade',
  row: { ...trade('2'), ...fields, data: { ...trade('2').data, ...data } },
})
const oddCandle = (fields: object): StorageRecord =>
  ({ kind: 'candle', row: { ...candle(0, 1), ...fields } }) as unknown as StorageRecord

const circular: Record<string, unknown> = {}
circular['self'] = circular

const ODD: readonly (readonly [string, StorageRecord])[] = [
  ...[undefined, null, 42, {}, Object.create(null) as unknown, Symbol('id'), 10n, circular].map(
    (id, index) => [`id ${index}`, oddTrade({}, { id })] as const,
  ),
  ['no price', oddTrade({}, { price: undefined })],
  ['a size that is a number', oddTrade({}, { size: 1 })],
  ['no data', { kind: 'trade', row: { ...trade('2'), data: undefined } } as unknown as StorageRecord],
  ['NaN', oddTrade({ timestamp: NaN })],
  ['a time that is text', oddTrade({ timestamp: '5' })],
  ['no symbol', oddTrade({ symbol: undefined })],
  ['a candle of text', oddCandle({ open: '1' })],
  ['a candle without a time', oddCandle({ openTime: undefined })],
  ['half a candle', oddCandle({ quoteVolume: null })],
]

test('rows are without a flaw', () => {
  expect(flawOf({ kind: 'trade', row: trade('1') })).toBeUndefined()
  expect(flawOf({ kind: 'candle', row: candle(0, 1) })).toBeUndefined()
})

test.each(ODD)('%s: is left out and reported, and everything else is stored', async (_name, odd) => {
  const repository = createMemoryRepository()
  const errors: TapekeeperError[] = []
  const writer = new StorageWriter({
    name: 'own',
    repositories: { rawTrades: repository, marketData: repository },
    onError: (error) => errors.push(error),
  })
  writer.write({ kind: 'trade', row: trade('1') })
  writer.write(odd)
  await writer.flush()
  // Read again over REST: the writer looks at what is stored of that time.
  const again = trade('3')
  writer.write({ kind: 'trade', row: { ...again, data: { ...again.data, backfilled: true } } })
  writer.write({ kind: 'candle', row: candle(0, 2) })
  await writer.close()
  expect(errors.map(({ code }) => code)).toEqual(['ROW_REJECTED'])
  expect(writer.status()).toMatchObject({ inserted: 3, rejected: 1, lost: 0, queued: 0 })
})
