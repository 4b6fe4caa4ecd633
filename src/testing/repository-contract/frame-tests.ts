import { DATA_TYPES } from '../../domain/data-type.ts'
import { collect, wrote, type ContractTest, type ContractWorld } from './contract-world.ts'
import { frameAt, many, MARKET, timeAt } from './sample-rows.ts'

const MEGABYTE = 2 ** 20

const TEXTS: readonly (readonly [name: string, text: string])[] = [
  ['nothing', ''],
  ['NUL', '\0'],
  ['NUL in the middle and at both ends', '\0a\0\0b\0'],
  ['every character up to 255', many(256, (code) => String.fromCharCode(code)).join('')],
  ['escapes that look like NUL', '\\0 \\x00 \\u0000 %00 \u2400'],
  ['quotes and backslashes', `'"\`\\ \\' \\" '' "" \\\\ $$ $1 ? :name`],
  ['line breaks and tabs', 'a\nb\r\nc\rd\te\u2028f\u2029g'],
  ['other scripts', '价格 цена τιμή मूल्य السعر'],
  ['emoji, also of several characters', '🚀 👩‍👩‍👧‍👦 🏳️‍🌈'],
  ['letters with and without combining marks', 'e\u0301 \u00e9'],
  ['the ends of Unicode', '\u{10ffff} \uffff \ufeff \ufffd'],
  ['blanks at both ends', '  {"a": 1}  '],
  ['JSON with numbers that a parser would change', '{"px":1.10000000000000000001,"px":1e400,"a":-0}'],
  ['an injection', `'); DROP TABLE frames; --`],
]

export const frameTests: readonly ContractTest[] = [
  ...TEXTS.map(([name, text]) => ({
    name: `a raw frame comes back character by character: ${name}`,
    needs: ['frames'] as const,
    run: async ({ expect, frames }: ContractWorld) => {
      const frame = frameAt(0, { text })
      expect(await frames.saveFrames([frame, frameAt(1)])).toEqual(wrote(2))
      expect(await collect(frames.frames(MARKET))).toEqual([frame, frameAt(1)])
    },
  })),
  {
    name: 'a raw frame comes back character by character: megabytes',
    needs: ['frames'],
    run: async ({ expect, frames }) => {
      const large = ['x'.repeat(MEGABYTE), 'é\0'.repeat(MEGABYTE / 2), '{"a":"🚀"},'.repeat(MEGABYTE / 11)]
      await frames.saveFrames(large.map((text, index) => frameAt(index, { text })))
      const found = await collect(frames.frames(MARKET))
      expect(found.map(({ text }, index) => text === large[index])).toEqual([true, true, true])
    },
  },
  {
    name: 'a raw frame keeps its data type and topic',
    needs: ['frames'],
    run: async ({ expect, frames }) => {
      const rows = DATA_TYPES.map((dataType, index) => frameAt(index, { dataType, topic: `${dataType} 🚀 '"\\` }))
      await frames.saveFrames(rows)
      expect(await collect(frames.frames(MARKET))).toEqual(rows)
    },
  },
  {
    name: 'frames can be asked for by topic',
    needs: ['frames'],
    run: async ({ expect, frames }) => {
      const topics = ['trades', 'trade', 'trades%', "trades' OR '1'='1"]
      const rows = many(40, (index) => frameAt(index, { topic: topics[index % 4] ?? '' }))
      await frames.saveFrames(rows)
      for (const topic of topics)
        expect(await collect(frames.frames({ ...MARKET, topic }))).toEqual(rows.filter((row) => row.topic === topic))
      const newest = await collect(frames.frames({ ...MARKET, topic: 'trade', to: timeAt(30), order: 'desc', limit: 2 }))
      expect(newest).toEqual([rows[29], rows[25]])
      expect(await collect(frames.frames({ ...MARKET, topic: 'trad' }))).toEqual([])
    },
  },
  {
    name: 'a frame that is there stays as it is, whatever comes with its id',
    needs: ['frames'],
    run: async ({ expect, frames }) => {
      const others = [frameAt(0, { text: 'other' }), frameAt(0, { receivedAt: timeAt(3) })]
      expect(await frames.saveFrames([frameAt(0), ...others])).toEqual(wrote(1, 2))
      expect(await frames.saveFrames(others)).toEqual(wrote(0, 2))
      expect(await collect(frames.frames(MARKET))).toEqual([frameAt(0)])
    },
  },
  {
    name: 'equal frames with different ids are different frames',
    needs: ['frames'],
    run: async ({ expect, frames }) => {
      expect(await frames.saveFrames(many(50, (index) => frameAt(0, { id: String(index) })))).toEqual(wrote(50))
      expect((await collect(frames.frames(MARKET))).length).toBe(50)
    },
  },
  {
    name: 'frames of one moment come in the order of their ids: 9 before 10',
    needs: ['frames'],
    run: async ({ expect, frames }) => {
      const rows = many(120, (index) => frameAt(0, { id: String(index) }))
      await frames.saveFrames(rows.toReversed())
      expect(await collect(frames.frames(MARKET))).toEqual(rows)
      expect(await collect(frames.frames({ ...MARKET, order: 'desc', limit: 25 }))).toEqual(rows.toReversed().slice(0, 25))
    },
  },
]
