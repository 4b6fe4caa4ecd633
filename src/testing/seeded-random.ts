import type { Random } from '../ports/random.ts'

/**
 * Repeatable chance: the same seed always gives the same numbers in [0, 1), on every machine.
 * Small and fast (sfc32); good for tests, useless for secrets.
 *
 * @example
 * ```ts
 * import { seededRandom } from 'tapekeeper/testing'
 * const random = seededRandom('my test')
 * const dice = 1 + Math.floor(random() * 6)
 * ```
 */
export function seededRandom(seed: number | string): Random {
  let a = hash32(`a${seed}`)
  let b = hash32(`b${seed}`)
  let c = hash32(`c${seed}`)
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  // The first numbers still resemble the seed.
  for (let i = 0; i < 12; i++) next()
  return next
}

/** FNV-1a with a final mix: spreads similar texts over the whole range of 32 bits. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
