import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { SymbolLookup } from '../../../src/core/exchange-definition.ts'
import type { DataFrame, Frame } from '../../../src/core/frame.ts'

const atRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

/** Our own frames by name; see test/fixtures/okx/README.md. */
export const FIXTURES: ReadonlyMap<string, string> = new Map(
  readFileSync(atRoot('test/fixtures/okx/frames.txt'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t') as [string, string]),
)

export function fixture(name: string): string {
  const text = FIXTURES.get(name)
  if (text === undefined) throw new Error(`no fixture ${name}`)
  return text
}

/** Nothing is on the list: everything goes by the convention. */
export const noList: SymbolLookup = { symbolOf: () => undefined }

export const RECEIVED_AT = 1_795_046_500_000

export function dataOf(frame: Frame): DataFrame {
  if (frame.kind !== 'data') throw new Error(`expected data, got ${JSON.stringify(frame)}`)
  return frame
}

/** Real captured sessions live beside the project, not in it. */
const RECORDINGS = process.env.TAPEKEEPER_RECORDINGS ?? atRoot('../shared/recordings')
const SESSION_FILE = `${RECORDINGS}/okx-2022-05-13.ndjson`
const REST_FILE = `${RECORDINGS}/okx-2022-05-13.rest.ndjson`
export const hasRecording = existsSync(SESSION_FILE) && existsSync(REST_FILE)
export const SKIP_REASON = `no recording at ${RECORDINGS} (set TAPEKEEPER_RECORDINGS)`

function lines<T>(file: string): T[] {
  const texts = readFileSync(file, 'utf8').trimEnd().split('\n')
  return texts.map((line) => JSON.parse(line) as T)
}

/** The frames OKX sent in the recorded session. */
export function recordedFrames(): string[] {
  return lines<{ d?: string; m: string }>(SESSION_FILE).flatMap((line) => (line.d === 'in' ? [line.m] : []))
}

/** The recorded REST answers, by URL. */
export function recordedAnswers(): ReadonlyMap<string, string> {
  const answers = lines<{ url?: string; body: string }>(REST_FILE)
  return new Map(answers.flatMap((line) => (line.url === undefined ? [] : [[line.url, line.body]])))
}

/** A small seeded generator (mulberry32): the same fuzz in every run. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
