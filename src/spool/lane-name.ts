import { createHash } from 'node:crypto'

/** Leaves room for the marks below; file systems allow 255 bytes. */
const MAX_LENGTH = 160
const PLAIN = /[a-z0-9_-]/i
/** Windows gives these to devices. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)$/i

/**
 * The directory of a lane. Different names have different directories on every file system, also where case counts for nothing:
 *
 * - bytes other than letters, digits, `-` and `_` are written like in a URL: `a/b` is `a%2Fb`
 * - which letters are capital is repeated behind `~`, as a binary number in base 32: `BTC` is `BTC~7`
 * - of a name that is too long, or no text, the beginning is kept, and a hash behind `~~`
 */
export function directoryOfLane(name: string): string {
  const escaped = escapeName(name)
  if (escaped.length > MAX_LENGTH || /\p{Surrogate}/u.test(name)) {
    return `${escaped.slice(0, MAX_LENGTH)}~~${createHash('sha256').update(name, 'utf16le').digest('hex').slice(0, 32)}`
  }
  const letters = name.replaceAll(/[^a-z]/gi, '')
  if (!/[A-Z]/.test(letters)) return escaped
  const capitals = letters.replaceAll(/[a-z]/g, '0').replaceAll(/[A-Z]/g, '1')
  return `${escaped}~${BigInt(`0b${capitals}`).toString(32)}`
}

function escapeName(name: string): string {
  if (name === '') return '%'
  const isReserved = RESERVED.test(name)
  return Array.from(Buffer.from(name), (byte, index) => {
    const character = String.fromCharCode(byte)
    const isPlain = PLAIN.test(character) && !(isReserved && index === 0)
    return isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}
