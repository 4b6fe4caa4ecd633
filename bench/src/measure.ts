import { jsonParse } from './subjects/json-parse.ts'
import type { Subject } from './subjects/subject.ts'
import type { Workload } from './workload.ts'

export interface Plan {
  readonly rounds: number
  /** A row on a busy machine ends after this long, once it has `FEWEST_ROUNDS`. Milliseconds. */
  readonly longestMs: number
  /** How long one measurement lasts. Milliseconds. */
  readonly measureMs: number
  readonly warmUpMs: number
}

/** Quartiles of something measured once a round. */
export interface Spread {
  readonly p25: number
  readonly median: number
  readonly p75: number
}

export interface Measured {
  readonly subject: string
  /** Microseconds per frame. */
  readonly perFrame: Spread
  /** Time per frame by `JSON.parse`'s time per frame in the same round. */
  readonly ratio: Spread
}

const FEWEST_ROUNDS = 7

interface Runner {
  readonly subject: Subject
  passes: number
  readonly perFrame: number[]
}

export interface Result {
  readonly baseline: Measured
  /** The baseline's second measurement by its first: what two equal things differ by on this machine. */
  readonly noise: Spread
  readonly measured: readonly Measured[]
}

/** One round measures every subject once, in an order of its own, and the baseline twice. */
export function measure(workload: Workload, subjects: readonly Subject[], plan: Plan, random: () => number): Result {
  const runners = [jsonParse(), jsonParse(), ...subjects].map((subject): Runner => ({ subject, passes: 1, perFrame: [] }))
  for (const runner of runners) runner.passes = warmUp(runner.subject, workload, plan)
  const start = performance.now()
  for (let round = 0; round < plan.rounds; round++) {
    if (round >= FEWEST_ROUNDS && performance.now() - start > plan.longestMs) break
    collectGarbage()
    for (const runner of shuffled(runners, random)) {
      collectYoungGarbage()
      const spentMs = time(runner.subject, workload.frames, runner.passes)
      runner.perFrame.push((spentMs * 1_000) / (runner.passes * workload.frames.length))
    }
  }
  for (const { subject } of runners) assertWorkDone(subject, workload)
  const [first, second, ...others] = runners as [Runner, Runner, ...Runner[]]
  const parsed = first.perFrame.map((value, round) => (value + second.perFrame[round]!) / 2)
  const against = (values: readonly number[], base: readonly number[]): Spread =>
    spread(values.map((value, round) => value / base[round]!))
  return {
    baseline: { subject: first.subject.name, perFrame: spread(parsed), ratio: against(parsed, parsed) },
    noise: against(second.perFrame, first.perFrame),
    measured: others.map(({ subject, perFrame }) => ({
      subject: subject.name,
      perFrame: spread(perFrame),
      ratio: against(perFrame, parsed),
    })),
  }
}

/** Runs until the engine has settled; answers how many passes over the frames fill one measurement. */
export function warmUp(subject: Subject, workload: Workload, plan: Plan): number {
  assertWorkDone(subject, workload)
  let passes = 1
  for (let warmMs = 0; warmMs < plan.warmUpMs;) {
    const spentMs = Math.max(time(subject, workload.frames, passes), 0.01)
    warmMs += spentMs
    passes = Math.max(1, Math.round((passes * plan.measureMs) / spentMs))
  }
  return passes
}

/** Nothing a subject delivers may be optimised away: what it counts goes here, and its last row is looked at in the end. */
let checksum = 0

/**
 * Processor time of all our threads, milliseconds: the garbage collector's helpers count, and what else the machine is busy with does not.
 */
function time(subject: Subject, frames: readonly string[], passes: number): number {
  let sum = 0
  const before = process.cpuUsage()
  for (let pass = 0; pass < passes; pass++) {
    for (let i = 0; i < frames.length; i++) sum += subject.consume(frames[i]!, i) ?? 1
  }
  const { user, system } = process.cpuUsage(before)
  checksum = (checksum + sum) | 0
  return (user + system) / 1_000
}

/** A subject that silently refused the frames would be very fast. */
function assertWorkDone(subject: Subject, workload: Workload): void {
  const { source, channel, frames, rows, lastTimestamp, lastSymbol } = workload
  const delivered = frames.map((frame, index) => subject.consume(frame, index))
  const counted = delivered.every((count) => count !== undefined) ? delivered.reduce((sum, count) => sum + count, 0) : undefined
  if (counted !== undefined && counted !== rows)
    throw new Error(`${subject.name} delivered ${counted} of ${rows} rows of ${source} ${channel}`)
  const last = subject.lastTimestamp(channel, lastSymbol)
  if (last !== lastTimestamp) throw new Error(`${subject.name} ended ${source} ${channel} at ${last} instead of ${lastTimestamp}`)
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const quantile = (share: number): number => {
    const position = share * (sorted.length - 1)
    const below = sorted[Math.floor(position)]!
    return below + (sorted[Math.ceil(position)]! - below) * (position % 1)
  }
  return { p25: quantile(0.25), median: quantile(0.5), p75: quantile(0.75) }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[result[i], result[j]] = [result[j]!, result[i]!]
  }
  return result
}

function collectGarbage(): void {
  globalThis.gc?.()
}

function collectYoungGarbage(): void {
  globalThis.gc?.({ type: 'minor', execution: 'sync' })
}
