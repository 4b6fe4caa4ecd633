import { kindOf, type ConfigProblem } from '../errors/config-problems.ts'
import type { ExchangeDefinition } from './exchange-definition.ts'

/** What has to be a whole number, by where it stands. */
type Numbers = Readonly<Record<string, unknown>>

/**
 * What is wrong with the numbers of a definition: half a dial a second, or a limit of 0 or NaN, would silently be no limit at all.
 * Empty when nothing.
 */
export function limitProblems(definition: ExchangeDefinition): readonly ConfigProblem[] {
  // Whoever wrote it may have written it in JavaScript.
  const { limits, keepalive, restLimits, orderBookDepths } = definition as Partial<ExchangeDefinition>
  const { restAnswerBytes, requests } = (limits as Partial<ExchangeDefinition['limits']> | undefined) ?? {}
  return problemsIn({
    'limits.dialsPerSecond': limits?.dialsPerSecond,
    'limits.requests.count': requests?.count,
    'limits.requests.perMs': requests?.perMs,
    'limits.requestBytes': limits?.requestBytes,
    'limits.subscriptionsPerConnection': limits?.subscriptionsPerConnection,
    ...(restAnswerBytes === undefined ? {} : { 'limits.restAnswerBytes': restAnswerBytes }),
    'keepalive.periodMs': keepalive?.periodMs,
    ...Object.fromEntries(
      Object.entries(restLimits ?? {}).flatMap(([path, limit]) => [
        [`restLimits["${path}"].count`, (limit as Partial<typeof limit> | undefined)?.count],
        [`restLimits["${path}"].perMs`, (limit as Partial<typeof limit> | undefined)?.perMs],
      ]),
    ),
    ...Object.fromEntries(
      (orderBookDepths ?? []).flatMap((depth, i) => (depth === 'full' ? [] : [[`orderBookDepths.${i}`, depth] as const])),
    ),
  })
}

/** The same of the parameters that the core itself heeds, after the definition's own schema has let them pass. */
export function heededParamProblems(customParams: Readonly<Record<string, unknown>>): readonly ConfigProblem[] {
  const names = ['pingIntervalMs', 'maxSubscriptionsPerSocket'].filter((name) => customParams[name] !== undefined)
  return problemsIn(Object.fromEntries(names.map((name) => [`customParams.${name}`, customParams[name]])))
}

const problemsIn = (numbers: Numbers): readonly ConfigProblem[] =>
  Object.entries(numbers).flatMap(([path, value]) => {
    if (Number.isSafeInteger(value) && (value as number) >= 1) return []
    const found = value === undefined ? 'is missing' : `is ${typeof value === 'number' ? value : kindOf(value)}`
    return [{ path, message: `${path} ${found}, must be a whole number of at least 1`, allowed: undefined, nearest: undefined }]
  })
