import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Channel } from './subjects/subject.ts'

/** Frames of one channel from one source. */
export interface Workload {
  readonly source: 'recording' | 'generator'
  readonly channel: Channel
  readonly frames: readonly string[]
  readonly nativeSymbols: readonly string[]
  /** For each frame, where in `nativeSymbols` its instrument is. */
  readonly instrumentOfFrame: readonly number[]
  /** Rows in all frames together: trades, tickers, books. */
  readonly rows: number
  /** Exchange time of the last row. */
  readonly lastTimestamp: number
  readonly lastSymbol: string
  readonly averageLength: number
}

export interface Skipped {
  readonly source: Workload['source']
  readonly channel: Channel
  readonly reason: string
}

interface DataFrame {
  readonly arg: { readonly channel: string; readonly instId: string }
  readonly data: readonly { readonly ts: string }[]
}

export function workload(source: Workload['source'], channel: Channel, texts: readonly string[]): Workload {
  // What `ws` hands out is one flat string, decoded from bytes; a string put together in JavaScript may be a tree of pieces.
  const frames = texts.map((text) => Buffer.from(text).toString())
  const parsed = frames.map((text) => JSON.parse(text) as DataFrame)
  const nativeSymbols = [...new Set(parsed.map((frame) => frame.arg.instId))]
  return {
    source,
    channel,
    frames,
    nativeSymbols,
    instrumentOfFrame: parsed.map((frame) => nativeSymbols.indexOf(frame.arg.instId)),
    rows: parsed.reduce((sum, frame) => sum + frame.data.length, 0),
    lastTimestamp: Number(parsed.at(-1)?.data.at(-1)?.ts),
    lastSymbol: parsed.at(-1)?.arg.instId ?? '',
    averageLength: frames.reduce((sum, text) => sum + text.length, 0) / frames.length,
  }
}

/** The channel of a data frame; undefined for acks, pongs and the like. */
export function channelOf(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined
  const frame = JSON.parse(text) as Partial<DataFrame>
  return frame.data === undefined ? undefined : frame.arg?.channel
}

const RECORDING = 'okx-2022-05-13.ndjson'

/** `books5` is not among them: the recording has none, and making them up from `books` would measure frames that never existed. */
export function recordedWorkloads(): (Workload | Skipped)[] {
  const folder = process.env['TAPEKEEPER_RECORDINGS'] ?? fileURLToPath(new URL('../../../shared/recordings', import.meta.url))
  const file = join(folder, RECORDING)
  const channels = ['trades', 'tickers', 'books'] as const
  if (!existsSync(file)) {
    const reason = `${RECORDING} not found (looked in ../shared/recordings beside the repository; TAPEKEEPER_RECORDINGS names another folder)`
    return channels.map((channel) => ({ source: 'recording', channel, reason }))
  }
  const received = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as { readonly d: string; readonly m: string })
    .filter((entry) => entry.d === 'in')
    .map((entry) => entry.m)
  return channels.map((channel) => {
    const texts = received.filter((text) => channelOf(text) === channel)
    return workload('recording', channel, texts)
  })
}
