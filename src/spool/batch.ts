import { crc32 } from 'node:zlib'

/**
 * What one append leaves in a segment: a header line that says how long the batch is and what its checksum is, then the lines, each
 * after a space. A batch is there as a whole or not at all, and no line can look like a header:
 *
 *     #1 0000001f 00000002 8d2c7a11 5be01c93
 *      {"type":"trade"}
 *      {"type":"gap"}
 *
 * Bytes of the lines, count of the lines, checksum of the lines, checksum of the header before it; all hexadecimal.
 */
interface BatchHeader {
  readonly bytes: number
  readonly lines: number
  readonly checksum: number
}

const HEADER = /^#1 ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8}) $/
/** Up to the header's own checksum. */
const CHECKED_BYTES = 30
export const HEADER_BYTES = CHECKED_BYTES + 9
/** What a header begins with, after the line before it. */
export const HEADER_START = '\n#1 '

/** UTF-8 has no room for half of a pair. */
const HALF_PAIR = /\p{Surrogate}/u

/** @throws Error when a line could not be read again as it is. */
export function encodeBatch(lines: readonly string[]): Buffer {
  const text = ` ${lines.join('\n ')}\n`
  if (lines.some((line) => line.includes('\n'))) throw new Error('a line holds a line break')
  if (HALF_PAIR.test(text)) throw new Error('a line is not well-formed Unicode')
  const bytes = Buffer.byteLength(text)
  const batch = Buffer.allocUnsafe(HEADER_BYTES + bytes)
  batch.write(text, HEADER_BYTES)
  const checked = `#1 ${hex(bytes)} ${hex(lines.length)} ${hex(crc32(batch.subarray(HEADER_BYTES)))} `
  batch.write(`${checked}${hex(crc32(checked))}\n`, 'latin1')
  return batch
}

/** The header at the beginning of `buffer`; undefined when there is none, or a damaged one. */
export function headerOf(buffer: Buffer): BatchHeader | undefined {
  const checked = buffer.toString('latin1', 0, CHECKED_BYTES)
  const [, bytes, lines, checksum] = HEADER.exec(checked) ?? []
  if (bytes === undefined || lines === undefined || checksum === undefined) return undefined
  if (buffer.toString('latin1', CHECKED_BYTES, HEADER_BYTES) !== `${hex(crc32(checked))}\n`) return undefined
  return { bytes: parseInt(bytes, 16), lines: parseInt(lines, 16), checksum: parseInt(checksum, 16) }
}

export const isIntact = (header: BatchHeader, payload: Buffer): boolean => crc32(payload) === header.checksum

/** The lines of an intact batch. */
export const linesOf = (payload: Buffer): readonly string[] => payload.toString('utf8', 1, payload.length - 1).split('\n ')

const hex = (value: number): string => value.toString(16).padStart(8, '0')
