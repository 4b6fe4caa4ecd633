/** Ways in which a frame can be broken. `huge` is 10 MB. */
export const CORRUPT_KINDS = [
  'truncated',
  'empty',
  'binary',
  'huge',
  'nested',
  'wrong-types',
  'missing-fields',
  'empty-numbers',
  'not-json',
] as const
export type CorruptKind = (typeof CORRUPT_KINDS)[number]

const HUGE_CHARACTERS = 10 * 1024 * 1024
/** Deeper than a recursive walk survives. */
const NESTING = 100_000

/** The frame, broken. */
export function corruptFrame(text: string, kind: CorruptKind): string | Uint8Array {
  switch (kind) {
    case 'truncated':
      return text.slice(0, Math.floor(text.length / 2))
    case 'empty':
      return ''
    case 'binary':
      return new TextEncoder().encode(text)
    case 'huge':
      return withRows(text, (row) => (isPlain(row) ? { ...row, pad: 'x'.repeat(HUGE_CHARACTERS) } : 'x'.repeat(HUGE_CHARACTERS)))
    case 'nested':
      return withRows(text, () => '@@').replace('"@@"', `${'['.repeat(NESTING)}${']'.repeat(NESTING)}`)
    case 'wrong-types':
      return withRows(text, (row) => mapValues(row, (value, index) => WRONG_TYPES[index % WRONG_TYPES.length] ?? value))
    case 'missing-fields':
      return withRows(text, (row) => (isPlain(row) ? { instId: row['instId'] } : []))
    case 'empty-numbers':
      return withRows(text, (row) => mapValues(row, (value) => emptied(value)))
    case 'not-json':
      return '<html><head><title>502 Bad Gateway</title></head></html>'
  }
}

const WRONG_TYPES: readonly unknown[] = [null, true, {}, 12.5, [], [[1]]]
const NUMERIC = /^-?\d+(?:\.\d+)?$/

function emptied(value: unknown): unknown {
  if (typeof value === 'string') return NUMERIC.test(value) ? '' : value
  return Array.isArray(value) ? value.map(emptied) : value
}

function withRows(text: string, change: (row: unknown) => unknown): string {
  const frame = JSON.parse(text) as { data?: unknown[] }
  return JSON.stringify({ ...frame, data: (frame.data ?? []).map(change) })
}

/** Every field but the name of the instrument, so that the damage can be blamed on one. */
function mapValues(row: unknown, change: (value: unknown, index: number) => unknown): unknown {
  if (Array.isArray(row)) return row.map(change)
  if (!isPlain(row)) return change(row, 0)
  return Object.fromEntries(Object.entries(row).map(([key, value], i) => [key, key === 'instId' ? value : change(value, i)]))
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
