import { expect, test } from 'vitest'
import { createOkxCollector, DataType, silentLogger } from 'tapekeeper'
import { createVirtualExchange, seededRandom } from 'tapekeeper/testing'
import type { BookStateChange } from '../../../src/core/book/book-keeper.ts'
import { MaintainedBook } from '../../../src/core/book/local-book.ts'
import { isSame, isSameBook, Truth } from './book-world.ts'
import { eachSeed, isOneSeed } from '../../support/runs.ts'

const SYMBOL = 'BTC-USDT'
const STEP_MS = 100

/** The same claim as in book-model.test.ts, of the whole: links, resubscriptions, rollovers and REST are the collector's own. */
async function run(seed: number, initialBookSnapshot: boolean): Promise<readonly BookStateChange[]> {
  const random = seededRandom(`collected/${seed}`)
  const world = { historyMs: 0, tradesPerSecond: 0, bookUpdatesPerSecond: 10 }
  const fake = createVirtualExchange({ seed, instruments: [SYMBOL], initialBookSnapshot, ...world })
  const collector = createOkxCollector({
    ...{ symbol: SYMBOL, dataTypes: [DataType.OrderBook], orderBook: { depth: 400 } },
    ...{ endpoints: fake.endpoints, ports: fake.ports, logger: silentLogger },
  })
  const mirror = new MaintainedBook(SYMBOL)
  const changes: BookStateChange[] = []
  collector.on('book', (change) => changes.push(change))
  collector.addDataCallback(DataType.OrderBook, ({ data, timestamp }) => {
    if (data.kind === 'snapshot') mirror.replace(data, timestamp)
    else mirror.apply(data, timestamp)
  })
  const faults = [
    () => fake.skip({ symbol: SYMBOL, channel: 'books' }, 1 + Math.floor(random() * 2)),
    () => fake.resetSequence(SYMBOL),
    () => fake.drop(),
    () => fake.corrupt('truncated', { symbol: SYMBOL, channel: 'books' }),
    () => fake.notice({ closeAfterMs: 300 }),
    () => collector.rollover(),
  ]
  const truth = new Truth()
  const started = collector.start()
  await fake.clock.advance(STEP_MS - 5)
  truth.note(fake.book(SYMBOL))
  for (let step = 30 + Math.floor(random() * 30); step > 0; step--) {
    if (random() < 0.12) faults[Math.floor(random() * faults.length)]?.()
    await fake.clock.advance(STEP_MS)
    truth.note(fake.book(SYMBOL))
    const { book } = collector
    if (book?.isValid === true) expect(truth.knows(book), 'valid, but never looked like this').toBe(true)
  }
  fake.heal()
  const isSettled = (): boolean => collector.book?.isValid === true && isSame(collector.book, fake.book(SYMBOL))
  for (let left = 300; left > 0 && !isSettled(); left--) await fake.clock.advance(10 * STEP_MS)
  expect(isSettled(), 'recovers').toBe(true)
  expect(isSameBook(mirror, collector.book!)).toBe(true)
  const stopped = Promise.all([started, collector.stop()])
  await fake.clock.advance(10_000)
  await stopped
  await fake.close()
  expect(fake.clock.pending).toBe(0)
  return changes
}

test.each([
  ['with a first snapshot', true],
  ['without one', false],
])('a collected book is the exchange’s at every valid moment, %s', async (_name, initialBookSnapshot) => {
  const reasons = new Set<string>()
  await eachSeed({ quick: 8, deep: 40 }, async (seed) => {
    for (const { reason } of await run(seed, initialBookSnapshot)) reasons.add(reason)
  })
  if (!isOneSeed) expect([...reasons]).toEqual(expect.arrayContaining(['gap', 'connection-lost', 'bad-frame']))
})
