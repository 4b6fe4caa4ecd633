import type { CandleResult } from './candles/candles.ts'
import type { HeapResult } from './heap/heap.ts'
import { machine } from './machine.ts'
import { markdownTable } from './markdown-table.ts'
import type { Plan, Result, Spread } from './measure.ts'
import type { StorageResult } from './storage/storage.ts'
import type { Subject } from './subjects/subject.ts'
import type { Skipped, Workload } from './workload.ts'

export interface Row {
  readonly workload: Workload
  readonly subjects: readonly Subject[]
  readonly result: Result
}

export interface Rows {
  readonly rows: readonly Row[]
  readonly skipped: readonly Skipped[]
}

export interface Measurements {
  readonly decoded: Rows
  readonly kept: Rows
  readonly candles: CandleResult
  readonly storage: StorageResult
  readonly heap: HeapResult
}

/** All measurements as Markdown, which is readable on a terminal, too. */
export function tables({ decoded, kept, candles, storage, heap }: Measurements): string {
  return `## Decoding, per frame

${table(decoded)}

## Incremental books maintained, per frame

Each frame is decoded, the whole local book of its instrument is amended, and its best bid and ask are read.

${table(kept)}

okx-api keeps no books.

## ${candles.trades.toLocaleString('en')} trades into eleven timeframes

${candleTable(candles)}

## ${storage.trades.toLocaleString('en')} trades into a database

${storageTable(storage)}

## ${heap.books} books of ${heap.reports[0]?.report.levelsPerSide ?? 0} levels per side: heap per book

${heapTable(heap)}`
}

function table({ rows, skipped }: Rows): string {
  const names = rows[0]?.subjects.map((subject) => subject.name) ?? []
  const notes: string[] = []
  const note = (text: string): string => {
    if (!notes.includes(text)) notes.push(text)
    return `[${notes.indexOf(text) + 1}]`
  }
  const header = ['frames', 'number', 'characters', 'JSON.parse, µs', ...names, 'noise']
  const body = rows.map(({ workload, subjects, result }) => [
    `${workload.source}: \`${workload.channel}\``,
    String(workload.frames.length),
    workload.averageLength.toFixed(0),
    result.baseline.perFrame.median.toFixed(2),
    ...subjects.map((subject) => {
      const reason = subject.lacks(workload.channel)
      if (reason !== undefined) return `– ${note(`${subject.name}: ${reason}`)}`
      const measured = result.measured.find((candidate) => candidate.subject === subject.name)
      return measured === undefined ? '–' : spreadText(measured.ratio)
    }),
    spreadText(result.noise),
  ])
  for (const { source, channel, reason } of skipped) {
    body.push([
      `${source}: \`${channel}\``,
      ...header.slice(1).map((_, index) => (index === 0 ? `skipped ${note(reason)}` : '–')),
    ])
  }
  const lines = [markdownTable(header, body)]
  if (notes.length > 0) lines.push('', ...notes.map((text, index) => `[${index + 1}] ${text}`))
  return lines.join('\n')
}

function candleTable({ trades, candles, rows, heap }: CandleResult): string {
  const table = markdownTable(
    ['', 'ns per trade', 'tapekeeper by it', 'it by tapekeeper'],
    rows.map(({ name, what, perTrade, oursByTheirs }) => [
      `${name} (${what})`,
      `${perTrade.median.toFixed(0)} (${perTrade.p25.toFixed(0)}–${perTrade.p75.toFixed(0)})`,
      spreadText(oursByTheirs),
      (1 / oursByTheirs.median).toFixed(1),
    ]),
  )
  const held = heap.map(({ trades: count, bytes }) => `${kilobytes(bytes)} KB after ${count.toLocaleString('en')} trades`)
  return `${table}\n\n${candles.toLocaleString('en')} candles of ${trades.toLocaleString('en')} trades. Held on the heap: ${held.join(', ')}.`
}

function storageTable({ rows }: StorageResult): string {
  return markdownTable(
    ['', 'driver, trades/s', '`StorageWriter`, trades/s', '`StorageWriter` by driver'],
    rows.map(({ name, driver, writer, ratio }) => [
      name,
      Math.round(driver.median).toLocaleString('en'),
      Math.round(writer.median).toLocaleString('en'),
      spreadText(ratio),
    ]),
  )
}

function heapTable({ reports }: HeapResult): string {
  return markdownTable(
    ['', ...reports.map(({ name }) => name)],
    [
      ['the book, KB', ...reports.map(({ report }) => kilobytes(report.perBook))],
      ['with all that is made for it, KB', ...reports.map(({ report }) => kilobytes(report.withAllAround))],
    ],
  )
}

export function results(measurements: Measurements, plan: Plan, now: Date): string {
  const { decoded, kept, storage, heap } = measurements
  return `# Measurements

Written by \`npm run bench\` on ${now.toISOString().slice(0, 10)}; do not edit.

${tables(measurements)}

## How to read it

- A cell is the time a frame takes, as a multiple of the time \`JSON.parse\` alone takes for the same frame: 1.00 costs as much as bare parsing,
  2.00 twice as much. First the median of all rounds, then the middle half of them (25th to 75th percentile).
- \`JSON.parse, µs\` is the median time of bare parsing per frame, in microseconds: multiply to get absolute times.
- \`noise\` is \`JSON.parse\` measured against itself. Differences between libraries smaller than its spread mean nothing.
- A row below "Incremental books maintained" has its own \`JSON.parse\`, of the same frames in the same rounds.
- The libraries do not do the same amount of work; what is timed is what each does between the socket and its user, see below.

## What is timed

Decoding:

${paths(decoded)}

Books maintained:

${paths(kept)}

What the libraries deliver differs. tapekeeper checks every field, keeps prices and sizes as exact strings and translates symbols. tardis-dev
turns them into \`number\` and \`Date\`, unchecked; of a ticker it keeps the best quote only. okx-api emits the parsed frame. ccxt turns
everything into unified structures and keeps caches and books up to date, which the others leave to somebody else, so that its \`books\` cells contain work
that has no counterpart in the other columns.

With books maintained all three do comparable work, and the columns may be compared. Still: tapekeeper keeps the exchange's own digits, checks each
field, the chain of sequence numbers and that bids and asks do not cross, and its frames pass through the whole collector. ccxt checks the
sequence. tardis-dev checks nothing and, being fed by its mapper alone, is spared its own stream. All three have the same levels with the same sizes (as
\`number\`s) after each frame; that is compared before anything is measured, and once more when all is done.

Candles: \`CandleAggregator\` of the built package with its defaults (duplicates found by id, closed candles kept for an hour to be revised),
told the time with every trade. The cascade of \`number\` folds higher timeframes from lower ones, too, and makes candles of the same fields, but it
sums floats, and knows neither lateness nor revision, and of duplicates only the repetition of the last one. The fold with \`Decimal\` adds each trade to the
bars of all timeframes with decimal.js; it is measured on a twentieth of the trades. Before, its candles and ours are compared digit by digit.

Trades into a database: the same table, empty at the beginning of each measurement. The driver alone inserts batches of ${storage.batchRows.toLocaleString('en')} in the fastest way
it has. \`StorageWriter\` gets the trades one by one, checks, queues and batches them, leaves out duplicates and counts what became of each; it
is kept from queueing more than it can store. Time on the clock, until all are committed; each round once each, whoever is first taking turns.

${storage.rows.map(({ name, path }) => `- **${name}**: ${path}`).join('\n')}

## Frames

- \`recording\`: public OKX WebSocket frames of 2022-05-13 (BTC-USDT and UNI-USD-SWAP), in the shape of that year: no \`seqId\`, no \`count\`.
  It has no \`books5\`, and none were made up from its \`books\`. They are few and come again and again, so that all caches know them by heart.
- \`generator\`: frames of the fake exchange in \`tapekeeper/testing\`, in today's shape, captured once before anything is measured.
  Its \`books\` are of four instruments: a snapshot of 400 levels per side each, then changes. Every pass over the frames begins with the snapshots again.

## Method

One process, ${plan.rounds} rounds per row (fewer when the machine is busy). In each round every library, and \`JSON.parse\` twice, runs over all frames again and again for about
${plan.measureMs} ms, in an order shuffled anew each round (seeded), with a full garbage collection before the round and a young one before each measurement. What is taken is
processor time, of all threads: the garbage collector's helpers count, other programs do not. Ratios are taken within the round, so that a slow phase of the machine hits both sides. All rows are warmed up before the first one is measured, as in a program that
subscribes to everything. Before and after, each library's count of delivered rows and the exchange time of the last one are compared with the frames', so nobody is fast by
refusing them. Every frame is a flat string, as a socket hands it out.

Heap: one process per library (\`bench/src/heap\`), all of them fed the same ${heap.frames.toLocaleString('en')} frames of the fake exchange, which are ${heap.books} snapshots and
the changes that follow, all instruments mixed. What is compared is \`heapUsed + external\` after several full collections. "The book" is the growth from the moment when everything is
set up, and twenty further books have warmed it up, to the end, by the number of books. "With all that is made for it" is the growth since the library was
loaded: for tapekeeper a running collector per book with its subscription, sockets and the instrument list; for ccxt its exchange and markets; for tardis-dev the mapper,
its stream left out. In the end all levels of all books are compared by a sum.

## Machine

${machine()}
`
}

const paths = ({ rows }: Rows): string =>
  (rows[0]?.subjects ?? []).map(({ name, version, path }) => `- **${name}** ${version}: ${path}`).join('\n')

const kilobytes = (bytes: number): string => (bytes / 1_000).toFixed(1)

const spreadText = ({ p25, median, p75 }: Spread): string => `${median.toFixed(2)} (${p25.toFixed(2)}–${p75.toFixed(2)})`
