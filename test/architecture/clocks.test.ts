import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

// `now()` stamps, `elapsed()` measures (docs/decisions/0024-two-clocks.md). Each place that asks for the wall clock is listed here with what it
// stamps; a new one fails this test until it has a reason. What is due, late, stale or too old has none: it goes by `elapsed()`.

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

/** How many calls of `now()` of a clock a file has, and what for. A folder stands for all its files. */
const STAMPS: Readonly<Record<string, readonly [calls: number, what: string]>> = {
  'aggregation/consolidated/consolidated-view.ts': [1, '`at` of news of venues'],
  'aggregation/consolidated/merged-candles.ts': [1, 'since when a venue takes part, where no trade says'],
  'aggregation/consolidated/quote-board.ts': [2, 'the time of the view'],
  'aggregation/consolidated/venue-feed.ts': [1, 'against receivedAt, another stamp of the same clock'],
  'core/book/book-keeper.ts': [2, 'when a book stopped being valid'],
  'core/book/create-keeper.ts': [1, 'receivedAt of a book from REST'],
  'core/collector/base-collector.ts': [1, 'lastMessageTime'],
  'core/collector/candle-feed.ts': [1, 'since when there are candles, where no trade says'],
  'core/collector/data-source.ts': [3, 'the door for subclasses; `at` of gaps of consumers'],
  'core/collector/exchange-collector.ts': [3, 'receivedAt of frames and trades that are asked for; `at` of subscription changes'],
  'core/collector/lifecycle.ts': [2, '`at` of status changes and restarts'],
  'core/collector/outlet.ts': [1, '`at` of gaps of consumers'],
  'core/collector/trade-line.ts': [1, 'receivedAt of trades from REST'],
  'core/link/link.ts': [1, 'receivedAt of a frame that cannot be read'],
  'core/rest-client.ts': [1, 'against the Date header of the same answer: the rest of a Retry-After that is a date'],
  'core/runtime.ts': [2, 'the time for logging in until the exchange was asked; how far our clock is off'],
  'core/tape/create-tape.ts': [1, 'receivedAt of trades from REST'],
  'core/tape/gap-teller.ts': [2, '`at` of gaps'],
  'core/tape/live-time.ts': [3, 'the time at an exchange of which nothing was heard yet'],
  'core/tape/time-tape.ts': [1, '`at` of gaps'],
  'kit/exchange-time.ts': [1, 'the time at an exchange of which nothing was heard yet'],
  'kit/forward-time.ts': [1, 'names that rise'],
  'logging/rotating-log.ts': [1, 'the names of rotated files'],
  'manager/collector-manager.ts': [3, '`at` of gaps, health reports and status changes'],
  'manager/decoder.ts': [1, 'receivedAt of frames from elsewhere'],
  'metrics/wall-time.ts': [2, 'latency: our wall clock less the stamp of the exchange'],
  'outputs/blocked-streams.ts': [1, 'since when a stream is refused'],
  'outputs/output-feed.ts': [1, 'since when a bus is away'],
  'outputs/redis/create-redis-subscriber.ts': [1, 'receivedAt'],
  'ports/clock.ts': [6, 'the port itself'],
  'ports/socket.ts': [1, 'against the Date header of the same answer'],
  'recording/': [14, 'a recording has one time, which is elapsed time that was given a date: see EventClock and ReplayClock'],
  'storage/writer/outage.ts': [1, 'since when a database is away'],
  'testing/': [37, 'the fake exchange has one time, its own, which no step of our wall clock reaches: see createExchangeClock'],
}

/** The time at an exchange has a `now()`, too: its stamps carried on by elapsed time. */
const OF_AN_EXCHANGE = /[tT]ime$/

const isWallClock = ({ expression, name }: ts.PropertyAccessExpression): boolean =>
  name.text === 'now' && !OF_AN_EXCHANGE.test(expression.getText())

function callsOfNow(file: string): number {
  const source = ts.createSourceFile(file, readFileSync(join(SRC, file), 'utf8'), ts.ScriptTarget.Latest, true)
  let calls = 0
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && isWallClock(node.expression)) calls++
    ts.forEachChild(node, visit)
  }
  visit(source)
  return calls
}

test('the wall clock is asked for stamps alone, and each of them is listed', () => {
  const found: Record<string, number> = {}
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))) {
    const name = file.replaceAll('\\', '/')
    const place = Object.keys(STAMPS).find((listed) => (listed.endsWith('/') ? name.startsWith(listed) : name === listed)) ?? name
    const calls = callsOfNow(file)
    if (calls > 0) found[place] = (found[place] ?? 0) + calls
  }
  expect(found).toEqual(Object.fromEntries(Object.entries(STAMPS).map(([place, [calls]]) => [place, calls])))
})
