import type { LocalBook } from './local-book.ts'

/** Levels per side that count. */
const LEVELS = 25
/** CRC-32 as in zip and zlib (reflected polynomial 0xEDB88320). Our own, because Node's needs 20.15 and browsers have none. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xed_b8_83_20 : crc >>> 1
  return crc
})

/**
 * The checksum OKX sent with each frame of `books` until 2026: CRC-32 as a signed number over bid, ask, bid, ask, … of the best 25
 * levels, price and size in the exchange's own digits. Live frames carry 0 or nothing, so it is only of use for older recordings.
 *
 * Source: OKX v5 docs, "Checksum", read 2026-05, before it was dropped.
 */
export function legacyChecksum(book: LocalBook): number {
  const bids = [...firstOf(book, 'bids')]
  const asks = [...firstOf(book, 'asks')]
  const parts: string[] = []
  for (let i = 0; i < LEVELS; i++) {
    for (const level of [bids[i], asks[i]]) if (level !== undefined) parts.push(...level)
  }
  return crc32(parts.join(':'))
}

function* firstOf(book: LocalBook, side: 'bids' | 'asks') {
  let left = LEVELS
  for (const level of book.levels(side)) {
    if (left-- === 0) return
    yield level
  }
}

/** Of ASCII text, as a signed 32-bit number. */
export function crc32(text: string): number {
  let crc = -1
  for (let i = 0; i < text.length; i++) crc = (crc >>> 8) ^ (TABLE[(crc ^ text.charCodeAt(i)) & 0xff] as number)
  return ~crc
}
