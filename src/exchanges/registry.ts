import { okx } from './okx/index.ts'
import { limitProblems } from '../core/definition-limits.ts'
import type { ExchangeDefinition } from '../core/exchange-definition.ts'
import { configError, didYouMean, kindOf, nearestTo, type ConfigProblem } from '../errors/config-problems.ts'
import { TapekeeperError } from '../errors/tapekeeper-error.ts'

/** Every exchange in the box; the only list of them. */
const BUILT_IN: readonly ExchangeDefinition[] = [okx]

/** Those added from outside the package; they go first, so that a built-in one can be replaced. */
const registered = new Map<string, ExchangeDefinition>()

/** Ids of every exchange that can be collected from. */
export function getSupportedExchanges(): string[] {
  return [...new Set([...BUILT_IN.map(({ id }) => id), ...registered.keys()])]
}

/**
 * Adds an exchange from outside the package, or replaces one of the same id.
 *
 * @throws TapekeeperError `CONFIG_INVALID` when the definition has no id or no REST endpoint, or a limit that is no whole number.
 * @example
 * ```ts
 * import { defineExchange, registerExchange } from 'tapekeeper'
 * import { okx } from 'tapekeeper/okx'
 * registerExchange(defineExchange({ ...okx, id: 'okx-demo', name: 'OKX demo', endpoints: {
 *   public: 'wss://wspap.okx.com/ws/v5/public',
 *   business: 'wss://wspap.okx.com/ws/v5/business',
 *   private: 'wss://wspap.okx.com/ws/v5/private',
 *   rest: 'https://openapi.okx.com',
 * } }))
 * ```
 */
export function registerExchange(definition: ExchangeDefinition): void {
  const { id, endpoints } = (definition as Partial<ExchangeDefinition> | null | undefined) ?? {}
  if (typeof id !== 'string' || id === '' || typeof endpoints?.['rest'] !== 'string') {
    throw new TapekeeperError('CONFIG_INVALID', 'an exchange definition needs an id and endpoints with at least "rest"')
  }
  const problems = limitProblems(definition)
  if (problems.length > 0) throw configError(`exchange definition "${id}"`, problems)
  registered.set(id, definition)
}

/** @throws TapekeeperError `EXCHANGE_UNKNOWN` naming the known ones and the nearest right spelling. */
export function exchangeDefinition(id: string): ExchangeDefinition {
  const definition = findExchange(id)
  if (definition !== undefined) return definition
  const { message, allowed, nearest } = unknownExchange(id)
  throw new TapekeeperError('EXCHANGE_UNKNOWN', message, { exchange: id, known: allowed, nearest })
}

/** What is wrong with an id that no exchange has, or with its absence. */
export function unknownExchange(id: unknown): ConfigProblem {
  const allowed = getSupportedExchanges()
  const nearest = typeof id === 'string' ? nearestTo(id, allowed) : undefined
  const what = typeof id === 'string' ? `is "${id}"` : id === undefined ? 'is missing' : `is ${kindOf(id)}`
  const message = `exchange ${what}${didYouMean(nearest)} (allowed values: ${allowed.join(', ')})`
  return { path: 'exchange', message, allowed, nearest }
}

export function findExchange(id: string): ExchangeDefinition | undefined {
  return registered.get(id) ?? BUILT_IN.find((definition) => definition.id === id)
}
