import { configError, didYouMean, kindOf, nearestTo } from './config-problems.ts'
import type { TapekeeperError } from './tapekeeper-error.ts'

/** A caller's mistake in one place, in the words of all configuration errors. */
export function mistake(where: string, message: string, allowed?: readonly string[], nearest?: string): TapekeeperError {
  return configError(where, [{ path: where, message, allowed, nearest }])
}

/** @throws TapekeeperError `CONFIG_INVALID`: `addDataCallback: the callback is missing, expected a function`. */
export function requireFunction(value: unknown, where: string, name: string): void {
  if (typeof value === 'function') return
  throw mistake(where, `the ${name} ${found(value)}, expected a function`)
}

/**
 * @param expected what it is to be, in words: `an object such as { exchange: 'okx' }`.
 * @throws TapekeeperError `CONFIG_INVALID`.
 */
export function requireObject(value: unknown, where: string, name: string, expected = 'an object'): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  throw mistake(where, `the ${name} ${found(value)}, expected ${expected}`)
}

/** @throws TapekeeperError `CONFIG_INVALID` when it lacks one of the methods, naming them all. */
export function requireMethods(value: unknown, methods: readonly string[], where: string, name: string): void {
  const isFit =
    typeof value === 'object' && value !== null && methods.every((method) => typeof (value as Bag)[method] === 'function')
  if (isFit) return
  throw mistake(where, `the ${name} ${found(value)}, expected an object with the methods ${methods.join(', ')}`)
}

/**
 * @param help what may have been meant, where it is none of the allowed values.
 * @throws TapekeeperError `CONFIG_INVALID` naming the allowed values and the nearest.
 */
export function requireOneOf(value: unknown, allowed: readonly string[], where: string, name: string, help = ''): void {
  if (typeof value === 'string' && allowed.includes(value)) return
  const nearest = typeof value === 'string' ? nearestTo(value, allowed) : undefined
  const what = typeof value === 'string' ? `is ${JSON.stringify(value.slice(0, LONGEST_SHOWN))}` : found(value)
  throw mistake(
    where,
    `the ${name} ${what}${didYouMean(nearest)} (allowed values: ${allowed.join(', ')})${help}`,
    allowed,
    nearest,
  )
}

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function requireText(value: unknown, where: string, name: string): void {
  if (typeof value === 'string' && value !== '') return
  throw mistake(where, `the ${name} ${value === '' ? 'is empty' : found(value)}, expected a text`)
}

/** @throws TapekeeperError `CONFIG_INVALID`, in the words given. */
export function refuse(where: string, message: string, allowed?: readonly string[]): never {
  throw mistake(where, message, allowed)
}

type Bag = Readonly<Record<string, unknown>>

const LONGEST_SHOWN = 80

const found = (value: unknown): string => (value === undefined ? 'is missing' : `is ${kindOf(value)}`)
