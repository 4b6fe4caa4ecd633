import type { Market } from '../../storage/repository.ts'
import { gapAt } from './gap-tests.ts'
import { collect, wrote, type ContractTest, type ContractWorld } from './contract-world.ts'
import { many, MARKET, tradeAt } from './sample-rows.ts'
import { plain, ROW_KINDS } from './shelf.ts'

/** What a name may hold without becoming a part of a statement, a pattern, a path or another name. */
const ODD_NAMES = [
  `'`,
  `''`,
  `"`,
  '`',
  `BTC-USDT'; DROP TABLE trades; --`,
  `BTC-USDT"; DROP TABLE candles; --`,
  `'); DELETE FROM frames; --`,
  `' OR '1'='1`,
  `x' UNION SELECT * FROM trades --`,
  `\\`,
  `\\'`,
  `BTC\\-USDT`,
  'BTC%',
  'BTC_USDT',
  '%',
  '_',
  '*',
  '?',
  '$1',
  ':symbol',
  '$$',
  '{"a":1}',
  '[1]',
  'a,b',
  'a;b',
  'a:b',
  'a/b',
  '../../etc/passwd',
  '.',
  '..',
  'CON',
  '--',
  '/*',
  'a\nb',
  'a\tb',
  ' ',
  '',
  'NULL',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  '0',
  '1e3',
  'ЦЕНА-價格',
  '🚀-USDT',
  'a\u200bb',
  'x'.repeat(255),
  `${'x'.repeat(254)}y`,
]

/** Each of them is another one. */
const SIMILAR_NAMES = [
  'BTC-USDT',
  'btc-usdt',
  'Btc-Usdt',
  'BTC-USDT ',
  ' BTC-USDT',
  'BTC-USDT-PERP',
  'BTC-USD',
  'BTCUSDT',
  'BTC_USDT',
  'BTC%USDT',
  'BTC-USDT\n',
  '\uff22TC-USDT',
  'ВTC-USDT',
  '\u00e9',
  'e\u0301',
  'stra\u00dfe',
  'strasse',
  'ı',
  'i',
  'I',
]

const exchangesOf = (names: readonly string[]): readonly Market[] => names.map((exchange) => ({ ...MARKET, exchange }))
const symbolsOf = (names: readonly string[]): readonly Market[] => names.map((symbol) => ({ ...MARKET, symbol }))

/** Two rows of each market, all in one batch; each market must find its own two and nothing else. */
async function keepApart(world: ContractWorld, kind: (typeof ROW_KINDS)[number], markets: readonly Market[]): Promise<void> {
  const shelf = world.shelf(kind)
  const rowsOf = (market: Market) => many(2, (index) => shelf.rowAt(index, market))
  world.expect(await shelf.save(markets.flatMap(rowsOf))).toEqual(wrote(2 * markets.length))
  for (const market of markets)
    world.expect((await collect(shelf.read({}, market))).map(plain)).toEqual(rowsOf(market).map(plain))
  world.expect(await shelf.save(markets.flatMap(rowsOf))).toEqual(wrote(0, 2 * markets.length))
}

export const nameTests: readonly ContractTest[] = [
  ...ROW_KINDS.flatMap((kind): readonly ContractTest[] => [
    {
      name: `${kind}: whatever stands in the name of a symbol is a name, no statement, no pattern and no path`,
      needs: [kind],
      run: (world) => keepApart(world, kind, symbolsOf(ODD_NAMES)),
    },
    {
      name: `${kind}: whatever stands in the name of an exchange is a name, no statement, no pattern and no path`,
      needs: [kind],
      run: (world) => keepApart(world, kind, exchangesOf(ODD_NAMES)),
    },
    {
      name: `${kind}: similar symbols and exchanges are not mixed up`,
      needs: [kind],
      run: (world) => keepApart(world, kind, [...symbolsOf(SIMILAR_NAMES), ...exchangesOf(SIMILAR_NAMES)]),
    },
    {
      name: `${kind}: two names are not mixed up with others that read the same together`,
      needs: [kind],
      run: (world) =>
        keepApart(world, kind, [
          { exchange: 'a', symbol: 'bc' },
          { exchange: 'ab', symbol: 'c' },
          { exchange: 'a:b', symbol: 'c' },
          { exchange: 'a', symbol: 'b:c' },
          { exchange: 'a/b', symbol: 'c' },
          { exchange: 'a', symbol: 'b/c' },
          { exchange: 'a b', symbol: 'c' },
          { exchange: 'a', symbol: 'b c' },
          { exchange: '', symbol: 'abc' },
          { exchange: 'abc', symbol: '' },
        ]),
    },
    {
      name: `${kind}: odd names find nothing where nothing is`,
      needs: [kind],
      run: async (world) => {
        const shelf = world.shelf(kind)
        await shelf.save([shelf.rowAt(0)])
        for (const market of [...symbolsOf(ODD_NAMES), ...exchangesOf(ODD_NAMES)])
          world.expect([market, await collect(shelf.read({}, market))]).toEqual([market, []])
        world.expect((await collect(shelf.read())).length).toBe(1)
      },
    },
  ]),
  {
    name: 'whatever stands in the id of a trade is an id',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const trades = [...new Set([...ODD_NAMES, ...SIMILAR_NAMES])].map((id, index) => tradeAt(index, MARKET, { id }))
      expect(await rawTrades.saveTrades(trades)).toEqual(wrote(trades.length))
      expect(await collect(rawTrades.trades(MARKET))).toEqual(trades)
      expect(await rawTrades.saveTrades(trades)).toEqual(wrote(0, trades.length))
    },
  },
  {
    name: 'whatever stands in the name of a stream is a name',
    needs: ['cursors'],
    run: async ({ expect, rawTrades }) => {
      const cursorOf = (stream: string) => rawTrades.cursor?.(stream)
      const streams = [...new Set([...ODD_NAMES, ...SIMILAR_NAMES])]
      for (const [index, stream] of streams.entries()) await cursorOf(stream)?.save({ id: stream, timestamp: index })
      for (const [index, stream] of streams.entries())
        expect(await cursorOf(stream)?.load()).toEqual({ id: stream, timestamp: index })
    },
  },
  {
    name: 'whatever stands in the stream, the names and the ids of a gap is text',
    needs: ['gaps'],
    run: async ({ expect, rawTrades }) => {
      const names = [...new Set([...ODD_NAMES, ...SIMILAR_NAMES])]
      const gaps = names.map((name) => gapAt(0, { stream: name, exchange: name, symbol: name, fromId: name, toId: name }))
      expect(await rawTrades.saveGaps?.(gaps)).toEqual(wrote(gaps.length))
      for (const [index, name] of names.entries()) expect(await rawTrades.openGaps?.(name)).toEqual([gaps[index]])
      const ofOneStream = names.map((name, index) => gapAt(index, { fromId: name, toId: name, stream: 'one' }))
      expect(await rawTrades.saveGaps?.(ofOneStream)).toEqual(wrote(gaps.length))
      expect(await rawTrades.openGaps?.('one')).toEqual(ofOneStream)
    },
  },
]
