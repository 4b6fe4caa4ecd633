import { arch, cpus, release, totalmem, type } from 'node:os'
import type { Plan, Result, Spread } from './measure.ts'
import type { Subject } from './subjects/subject.ts'
import type { Skipped, Workload } from './workload.ts'

export interface Row {
  readonly workload: Workload
  readonly subjects: readonly Subject[]
  readonly result: Result
}

/** The measurements as a Markdown table, which is readable on a terminal, too. */
export function table(rows: readonly Row[], skipped: readonly Skipped[]): string {
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
  const widths = header.map((cell, column) => Math.max(cell.length, ...body.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  const lines = [line(header), rule, ...body.map(line)]
  if (notes.length > 0) lines.push('', ...notes.map((text, index) => `[${index + 1}] ${text}`))
  return lines.join('\n')
}

export function results(rows: readonly Row[], skipped: readonly Skipped[], plan: Plan, now: Date): string {
  const processor = cpus()
  const subjects = rows[0]?.subjects ?? []
  return `# Speed of decoding

Written by \`npm run bench\` on ${now.toISOString().slice(0, 10)}; do not edit.

${table(rows, skipped)}

## How to read it

- A cell is the time a frame takes, as a multiple of the time \`JSON.parse\` alone takes for the same frame: 1.00 costs as much as bare parsing,
  2.00 twice as much. First the median of all rounds, then the middle half of them (25th to 75th percentile).
- \`JSON.parse, µs\` is the median time of bare parsing per frame, in microseconds: multiply to get absolute times.
- \`noise\` is \`JSON.parse\` measured against itself. Differences between libraries smaller than its spread mean nothing.
- The libraries do not do the same amount of work; what is timed is what each does between the socket and its user, see below.

## What is timed

${subjects.map((subject) => `- **${subject.name}** ${subject.version}: ${subject.path}`).join('\n')}

What the libraries deliver differs. tapekeeper checks every field, keeps prices and sizes as exact strings and translates symbols. tardis-dev
turns them into \`number\` and \`Date\`, unchecked; of a ticker it keeps the best quote only. okx-api emits the parsed frame. ccxt turns
everything into unified structures and keeps caches and books up to date, which the others leave to somebody else, so that its \`books\` cells contain work
that has no counterpart in the other columns.

## Frames

- \`recording\`: public OKX WebSocket frames of 2022-05-13 (BTC-USDT and UNI-USD-SWAP), in the shape of that year: no \`seqId\`, no \`count\`.
  It has no \`books5\`, and none were made up from its \`books\`. They are few and come again and again, so that all caches know them by heart.
- \`generator\`: frames of the fake exchange in \`tapekeeper/testing\`, in today's shape, captured once before anything is measured.

## Method

One process, ${plan.rounds} rounds per row (fewer when the machine is busy). In each round every library, and \`JSON.parse\` twice, runs over all frames again and again for about
${plan.measureMs} ms, in an order shuffled anew each round (seeded), with a full garbage collection before the round and a young one before each measurement. What is taken is
processor time, of all threads: the garbage collector's helpers count, other programs do not. Ratios are taken within the round, so that a slow phase of the machine hits both sides. All rows are warmed up before the first one is measured, as in a program that
subscribes to everything. Before and after, each library's count of delivered rows and the exchange time of the last one are compared with the frames', so nobody is fast by
refusing them. Every frame is a flat string, as a socket hands it out.

## Machine

${processor[0]?.model.trim() ?? 'unknown processor'}, ${processor.length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; ${type()} ${release()} ${arch()}; Node ${process.version}, V8 ${process.versions.v8}
`
}

const spreadText = ({ p25, median, p75 }: Spread): string => `${median.toFixed(2)} (${p25.toFixed(2)}–${p75.toFixed(2)})`
