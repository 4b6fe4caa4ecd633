import { describe, expect, test } from 'vitest'
import { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { fillHole, firstNotOlder, missingIn } from '../../../src/core/tape/hole-filler.ts'
import { HOUR, RestHistory, START, tradeOf } from './tape-world.ts'
import fc from '../../support/fast-check.ts'

const never = new AbortController().signal

async function fill(rest: RestHistory, first: number, last: number, oldest = 0) {
  const { found, ...others } = await fillHole({ first, last }, rest.pageBefore, oldest, never)
  return { ids: found.map(({ data }) => Number(data.id)), ...others }
}
const span = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe('filling a hole', () => {
  test('asks for nothing but the hole and the fill behind it', async () => {
    const rest = new RestHistory()
    expect(await fill(rest, 201, 210)).toMatchObject({ ids: span(201, 210), isCaughtUp: true })
    expect(rest.asked).toEqual(['212'])
  })

  test('walks down page by page', async () => {
    const rest = new RestHistory()
    expect((await fill(rest, 1, 250)).ids).toEqual(span(1, 250))
    expect(rest.asked).toEqual(['252', '152', '52'])
  })

  test('takes short pages as they are', async () => {
    const rest = new RestHistory()
    rest.pageSize = 3
    expect((await fill(rest, 11, 20)).ids).toEqual(span(11, 20))
  })

  test.each([
    ['that all exist', [], true],
    ['of which some never existed', [13, 14, 17], true],
  ])('tells a REST that knows what came after: ids %s', async (_name, absent, isCaughtUp) => {
    const rest = new RestHistory()
    for (const id of absent) rest.absent.add(id)
    const missing = new Set<number>(absent)
    expect(await fill(rest, 11, 20)).toMatchObject({
      ids: span(11, 20).filter((id) => !missing.has(id)),
      reason: 'rest-short',
      isCaughtUp,
    })
  })

  test('a REST that lags proves nothing', async () => {
    const rest = new RestHistory()
    rest.newest = 15
    expect(await fill(rest, 11, 20)).toMatchObject({ ids: span(11, 15), reason: 'rest-short', isCaughtUp: false })
  })

  test('an empty page in the middle proves nothing either', async () => {
    const rest = new RestHistory()
    rest.script = (_before, call) => (call === 2 ? Promise.resolve([]) : undefined)
    expect(await fill(rest, 1, 250)).toMatchObject({ ids: span(152, 250), reason: 'rest-short', isCaughtUp: false })
  })

  test('rows outside the hole, copies and unreadable ids do not count', async () => {
    const rest = new RestHistory()
    rest.script = (before) =>
      Promise.resolve([
        ...[before + 7, before, 'x9', before - 1, before - 1].map((id) => tradeOf(id)),
        ...rest.page(before - 1),
        tradeOf(3),
      ])
    expect((await fill(rest, 150, 160)).ids).toEqual(span(150, 160))
  })

  test('a page without progress ends it', async () => {
    const rest = new RestHistory()
    rest.script = (before) => Promise.resolve([tradeOf(before), tradeOf(before + 1)])
    expect(await fill(rest, 1, 10)).toMatchObject({ ids: [], reason: 'rest-wrong' })
    expect(rest.asked).toHaveLength(1)
  })

  test('a page that comes again and again ends it', async () => {
    const rest = new RestHistory()
    rest.script = () => Promise.resolve(rest.page(500))
    expect(await fill(rest, 1, 450)).toMatchObject({ ids: span(400, 450), reason: 'rest-wrong' })
    expect(rest.asked).toHaveLength(2)
  })

  test('what was found before a failure is kept', async () => {
    const rest = new RestHistory()
    rest.script = (_before, call) =>
      call === 2 ? Promise.reject(new TapekeeperError('REST_FAILED', 'down', { sentAt: 77 })) : undefined
    expect(await fill(rest, 1, 250)).toMatchObject({ ids: span(152, 250), reason: 'rest-failed', failedSince: 77 })
  })

  test('an abort is no failure of REST', async () => {
    const control = new AbortController()
    const reason = new Error('enough')
    const rest = new RestHistory()
    rest.script = () => {
      control.abort(reason)
      return Promise.reject(new Error('cut'))
    }
    await expect(fillHole({ first: 1, last: 2 }, rest.pageBefore, 0, control.signal)).rejects.toThrow('cut')
  })

  test('what is too old is left out, and nothing older is asked for', async () => {
    const rest = new RestHistory()
    rest.timeOf = (id) => START + id
    expect(await fill(rest, 1, 1_000, START + 901)).toMatchObject({ ids: span(901, 1_000), reason: 'too-old' })
    expect(rest.asked).toHaveLength(2)
  })

  test('an old trade before the hole makes nothing in the hole old', async () => {
    // A quiet market: the trade before this hole is a day old. REST does not have the newest yet.
    const rest = new RestHistory()
    rest.newest = 100
    rest.timeOf = () => START - 24 * HOUR
    expect(await fill(rest, 101, 102, START - HOUR)).toMatchObject({ ids: [], reason: 'rest-short', isCaughtUp: false })
  })

  test('with whatever answers: only ids of the hole, each once, ascending, in bounded time', async () => {
    const page = fc.array(fc.integer({ min: -5, max: 60 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 30 }),
        fc.array(page, { maxLength: 30 }),
        async (first, size, pages) => {
          const rest = new RestHistory()
          rest.script = (_before, call) => Promise.resolve((pages[call - 1] ?? []).map((id) => tradeOf(id)))
          const hole = { first, last: first + size }
          const { found } = await fillHole(hole, rest.pageBefore, 0, never)
          const ids = found.map(({ data }) => Number(data.id))
          expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
          expect(ids.every((id) => id >= hole.first && id <= hole.last)).toBe(true)
          expect(rest.asked.length).toBeLessThanOrEqual(size + 2)
          const open = missingIn(hole, found).flatMap((range) => span(Number(range.first), Number(range.last)))
          expect([...ids, ...open].sort((a, b) => a - b)).toEqual(span(hole.first, hole.last))
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

describe('the first id that is not too old', () => {
  const hole = { first: 1_001, last: 1_001_000 }
  const find = (rest: RestHistory, oldest: number) => firstNotOlder(hole, oldest, rest.pageBefore, never)

  test.each([
    ['in the middle', 600_000],
    ['the very first', hole.first],
    ['the second', hole.first + 1],
    ['the last', hole.last],
    ['none', hole.last + 1],
  ])('of a million, with few requests: %s', async (_name, expected) => {
    const rest = new RestHistory()
    rest.timeOf = (id) => START + id
    expect(await find(rest, START + expected)).toBe(expected)
    expect(rest.asked.length).toBeLessThanOrEqual(22)
  })

  test('REST keeps nothing that old', async () => {
    const rest = new RestHistory()
    rest.first = 700_000
    rest.timeOf = (id) => START + id
    expect(await find(rest, START + 600_000)).toBe(700_000)
    expect(await find(rest, START + 800_000)).toBe(800_000)
  })

  test.each([
    ['is down', () => Promise.reject(new Error('down'))],
    ['knows nothing', () => Promise.resolve([])],
  ])('cannot be told when REST %s', async (_name, answer) => {
    const rest = new RestHistory()
    rest.script = answer
    expect(await find(rest, START + 600_000)).toBeUndefined()
  })

  test.each(span(1, 20))('one empty page (number %i) does not cost half the hole', async (lie) => {
    const rest = new RestHistory()
    rest.timeOf = (id) => START + id
    rest.script = (_before, call) => (call === lie ? Promise.resolve([]) : undefined)
    expect([undefined, 600_000]).toContain(await find(rest, START + 600_000))
  })
})
