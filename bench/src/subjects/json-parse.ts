import type { Subject } from './subject.ts'

interface RawFrame {
  readonly data: readonly { readonly ts: string }[]
}

/** The measure of all others. */
export function jsonParse(): Subject {
  let last: RawFrame | undefined
  return {
    name: 'JSON.parse',
    version: process.version,
    path: '`JSON.parse(text)`',
    lacks: () => undefined,
    consume(text) {
      last = JSON.parse(text) as RawFrame
      return last.data.length
    },
    lastTimestamp: () => Number(last?.data.at(-1)?.ts),
  }
}
