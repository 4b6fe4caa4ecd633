const DOT = 46
const ZERO = 48
/** This many digits always make a whole number that a float holds exactly. */
const EXACT_DIGITS = 15
/** Powers of ten that a float holds exactly, as far as they are needed. */
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent)

/**
 * `Number(price)` for a plain unsigned decimal, several times faster: a quotient of two exactly known floats is the nearest float to
 * the true value, which is what `Number` promises.
 */
export function priceKey(price: string): number {
  const { length } = price
  if (length > EXACT_DIGITS + 1) return Number(price)
  let whole = 0
  let dotAt = length - 1
  for (let i = 0; i < length; i++) {
    const code = price.charCodeAt(i)
    if (code === DOT) dotAt = i
    else whole = whole * 10 + (code - ZERO)
  }
  // Sixteen characters without a dot are a digit too many.
  if (length > EXACT_DIGITS && dotAt === length - 1) return Number(price)
  return whole / (POWERS[length - 1 - dotAt] as number)
}

/** `0`, `0.000`: what removes a level. */
export function isZero(size: string): boolean {
  for (let i = 0; i < size.length; i++) {
    const code = size.charCodeAt(i)
    if (code !== ZERO && code !== DOT) return false
  }
  return true
}
