import type { TestTrade } from './naive.ts'

/** mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface Chance {
  readonly random: () => number
  readonly int: (below: number) => number
  readonly pick: <T>(items: readonly T[]) => T
  readonly shuffle: <T>(items: readonly T[]) => T[]
}

export function chance(seed: number): Chance {
  const random = seeded(seed)
  const int = (below: number): number => Math.floor(random() * below)
  return {
    random,
    int,
    pick: (items) => items[int(items.length)]!,
    shuffle: (items) => {
      const result = [...items]
      for (let i = result.length - 1; i > 0; i--) {
        const j = int(i + 1)
        ;[result[i], result[j]] = [result[j]!, result[i]!]
      }
      return result
    },
  }
}

const digits = ({ int }: Chance, length: number): string => Array.from({ length }, () => int(10)).join('')

function decimalText(from: Chance): string {
  const { int } = from
  switch (int(12)) {
    case 0:
      return `${int(3)}.${digits(from, 18)}`
    case 1:
      return digits(from, 1 + int(20)).replace(/^0+(?=\d)/, '')
    case 2:
      return `0.${'0'.repeat(int(16))}${1 + int(9)}`
    case 3:
      return `${int(1e6)}.${digits(from, 8)}00`
    case 4:
      return `${digits(from, 14)}.${digits(from, 14)}`.replace(/^0+(?=\d)/, '')
    default:
      return (int(1e9) / 10 ** int(4)).toFixed(int(5))
  }
}

const START = Date.UTC(2026, 0, 1, 23, 59, 30)
/** From all in one second to days apart. */
const SPREADS_MS = [900, 9_000, 70_000, 4_000_000, 200_000_000]

/** `count` trades in order of time: ids of one kind per tape, numbers of all kinds, several in the same millisecond. */
export function randomTape(from: Chance, count: number): TestTrade[] {
  const { int, pick, random } = from
  const isNumeric = int(3) > 0
  const isUsual = int(2) === 0
  const start = START + int(60_000)
  const spread = pick(SPREADS_MS)
  const times = Array.from({ length: count }, () => start + Math.floor(random() * spread)).sort((a, b) => a - b)
  let id = 1_000 + int(10)
  return times.map((time, i) => {
    const timestamp = i > 0 && int(4) === 0 ? times[i - 1]! : time
    times[i] = timestamp
    const rows = int(5) === 0 ? 1 + int(4) : 1
    id += rows + (int(6) === 0 ? int(5) : 0)
    return {
      id: isNumeric ? String(id) : `${digits(from, 4)}-${i}`,
      price: isUsual ? (30_000 + int(1e4) / 10).toFixed(1) : decimalText(from),
      size: isUsual ? (int(1e8) / 1e8).toFixed(8) : decimalText(from),
      side: pick(['buy', 'sell']),
      timestamp,
      ...(rows > 1 ? { count: rows } : {}),
    }
  })
}
