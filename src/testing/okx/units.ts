/** A step such as `0.05`, held as `mantissa × 10^-decimals`, so that multiples of it are exact integers. */
export interface Grid {
  readonly mantissa: number
  readonly decimals: number
}

const PLAIN = /^\d+(?:\.\d+)?$/

export function gridOf(step: string): Grid {
  if (!PLAIN.test(step) || Number(step) === 0) throw new RangeError(`not a step: ${JSON.stringify(step)}`)
  const [whole = '', fraction = ''] = step.split('.')
  return { mantissa: Number(whole + fraction), decimals: fraction.length }
}

/** `steps` multiples of the grid's step as OKX writes it: no exponent, no trailing zeros. */
export function formatSteps(steps: number, grid: Grid): string {
  const scaled = steps * grid.mantissa
  return Number.isSafeInteger(scaled)
    ? placeDot(String(scaled), grid.decimals)
    : formatScaled(BigInt(steps) * BigInt(grid.mantissa), grid.decimals)
}

/** `value × 10^-decimals` as a plain decimal. */
export function formatScaled(value: bigint, decimals: number): string {
  return value < 0n ? `-${placeDot(String(-value), decimals)}` : placeDot(String(value), decimals)
}

/**
 * The number of steps in a decimal.
 *
 * @throws RangeError when it is not a multiple of the step.
 */
export function toSteps(text: string, grid: Grid): number {
  if (!PLAIN.test(text)) throw new RangeError(`not a plain positive decimal: ${JSON.stringify(text)}`)
  const [whole = '', fraction = ''] = text.split('.')
  const decimals = Math.max(fraction.length, grid.decimals)
  const value = BigInt(whole + fraction.padEnd(decimals, '0'))
  const step = BigInt(grid.mantissa) * 10n ** BigInt(decimals - grid.decimals)
  if (value % step !== 0n) throw new RangeError(`${text} is not a multiple of ${formatSteps(1, grid)}`)
  return Number(value / step)
}

function placeDot(digits: string, decimals: number): string {
  if (decimals === 0) return digits
  const padded = digits.padStart(decimals + 1, '0')
  let end = padded.length
  const dot = end - decimals
  while (end > dot && padded.charCodeAt(end - 1) === 48) end--
  return end === dot ? padded.slice(0, dot) : `${padded.slice(0, dot)}.${padded.slice(dot, end)}`
}
