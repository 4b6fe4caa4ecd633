import { closest, distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { TapekeeperError } from './tapekeeper-error.ts'

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Where, for example `endpoints.publik`. */
  readonly path: string
  /** What is wrong, what is allowed, and the nearest right spelling, in one sentence. */
  readonly message: string
  /** Allowed values or keys, where they can be listed. */
  readonly allowed: readonly string[] | undefined
  readonly nearest: string | undefined
}

/** Where an issue of zod's carries a problem that is worded already. */
const WORDED = 'problem'

/** Share of a word's letters that may be wrong; words further apart are not a misspelling of each other. */
const TOLERANCE = 0.4

/** The candidate that `word` most likely was meant to be. */
export function nearestTo(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined
  // Of candidates that differ in case alone (`1m`, `1M`) the first one is meant.
  const lower = new Map(candidates.toReversed().map((candidate) => [candidate.toLowerCase(), candidate]))
  const wanted = word.toLowerCase()
  const best = closest(wanted, [...lower.keys()])
  return distance(wanted, best) > Math.max(1, TOLERANCE * Math.max(wanted.length, best.length)) ? undefined : lower.get(best)
}

/** The end of a sentence that names something wrong. */
export const didYouMean = (nearest: string | undefined): string => (nearest === undefined ? '' : `, did you mean "${nearest}"?`)

/** What `input` has wrong by `schema`; empty when nothing. Values are quoted only where no secret can stand. */
export function problemsOf(schema: z.ZodType, input: unknown): readonly ConfigProblem[] {
  const result = schema.safeParse(input)
  return result.success ? [] : result.error.issues.flatMap((issue) => describe(issue, input, schema))
}

/**
 * Checks a configuration and fills in its defaults.
 *
 * @throws TapekeeperError `CONFIG_INVALID` with every problem in the message and in `context.problems`.
 */
export function parseConfig<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  throw configError(what, problemsOf(schema, input))
}

export function configError(what: string, problems: readonly ConfigProblem[]): TapekeeperError {
  const lines = problems.map(({ message }) => message)
  return new TapekeeperError('CONFIG_INVALID', `${what}: ${lines.join('; ')}`, { problems })
}

/** For a schema's transform that words its problems itself. */
export function addProblems(context: z.core.$RefinementCtx, problems: readonly ConfigProblem[]): never {
  for (const problem of problems) context.addIssue({ code: 'custom', message: problem.message, params: { [WORDED]: problem } })
  return z.NEVER
}

/** Like `.default()`, for a default that may be wrong itself: the problems it is thrown for are the configuration's. */
export function withDefault<S extends z.ZodType>(schema: S, make: () => z.output<S>) {
  return schema.optional().transform((value, context): z.output<S> => {
    if (value !== undefined) return value
    try {
      return make()
    } catch (error) {
      const problems = TapekeeperError.is(error) ? error.context['problems'] : undefined
      if (!Array.isArray(problems)) throw error
      return addProblems(context, problems as readonly ConfigProblem[])
    }
  })
}

function describe(issue: z.core.$ZodIssue, input: unknown, schema: z.ZodType): readonly ConfigProblem[] {
  const path = issue.path.map(String)
  if (issue.code === 'custom' && issue.params?.[WORDED] !== undefined) return [issue.params[WORDED] as ConfigProblem]
  switch (issue.code) {
    case 'unrecognized_keys': {
      const allowed = keysAt(schema, path)
      return issue.keys.map((key) => {
        const nearest = nearestTo(key, allowed)
        return problem([...path, key], `unknown key "${[...path, key].join('.')}"`, allowed, nearest, 'keys')
      })
    }
    case 'invalid_value': {
      const allowed = issue.values.map(String)
      const value = valueAt(input, path)
      const nearest = typeof value === 'string' ? nearestTo(value, allowed) : undefined
      return [problem(path, `${nameOf(path)} is ${show(value)}`, allowed, nearest, 'values')]
    }
    case 'invalid_type': {
      const value = valueAt(input, path)
      const found = value === undefined ? 'is missing' : `is ${kindOf(value)}`
      const expected = path.length === 0 && issue.expected === 'object' ? objectOf(schema) : issue.expected
      return [problem(path, `${nameOf(path)} ${found}, expected ${expected}`, undefined, undefined, 'values')]
    }
    case 'too_small':
      return [
        problem(
          path,
          outOfRange(path, input, issue.inclusive === false ? 'more than' : 'at least', issue.minimum),
          undefined,
          undefined,
          'values',
        ),
      ]
    case 'too_big':
      return [
        problem(
          path,
          outOfRange(path, input, issue.inclusive === false ? 'less than' : 'at most', issue.maximum),
          undefined,
          undefined,
          'values',
        ),
      ]
    default:
      return [problem(path, `${nameOf(path)}: ${issue.message}`, undefined, undefined, 'values')]
  }
}

function problem(
  path: readonly string[],
  what: string,
  allowed: readonly string[] | undefined,
  nearest: string | undefined,
  kind: 'keys' | 'values',
): ConfigProblem {
  const list = allowed === undefined || allowed.length === 0 ? '' : ` (allowed ${kind}: ${allowed.join(', ')})`
  return { path: path.join('.'), message: what + didYouMean(nearest) + list, allowed, nearest }
}

function outOfRange(path: readonly string[], input: unknown, which: string, bound: number | bigint): string {
  const value = valueAt(input, path)
  if (typeof value === 'number') return `${nameOf(path)} is ${value}, must be ${which} ${bound}`
  const unit = typeof value === 'string' ? 'character' : 'item'
  return `${nameOf(path)} must have ${which} ${bound} ${unit}${bound === 1 ? '' : 's'}`
}

const nameOf = (path: readonly string[]): string => (path.length === 0 ? 'the configuration' : path.join('.'))

function valueAt(input: unknown, path: readonly string[]): unknown {
  let value = input
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  return value
}

/** A value by its kind, for an error that must not quote it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

const show = (value: unknown): string =>
  (value === undefined ? 'missing' : ((JSON.stringify(value) as string | undefined) ?? typeof value)).slice(0, 80)

/** What the whole is to be: an object, with the keys that it cannot do without. */
function objectOf(schema: z.ZodType): string {
  const shape = Object.entries(shapeOf(unwrap(schema)) ?? {}) as readonly (readonly [string, z.ZodType])[]
  const needed = shape.flatMap(([key, field]) => (field.safeParse(undefined).success ? [] : [key]))
  return needed.length === 0 ? 'an object' : `an object with ${needed.join(', ')}`
}

/** The keys an object schema allows, looked up through optional and default wrappers, and through lists. */
function keysAt(schema: z.ZodType, path: readonly string[]): readonly string[] {
  let current: unknown = unwrap(schema)
  for (const key of path) current = unwrap(shapeOf(current)?.[key] ?? itemOf(current))
  return Object.keys(shapeOf(current) ?? {})
}

interface SchemaParts {
  readonly shape?: Readonly<Record<string, unknown>>
  readonly def?: { readonly innerType?: unknown; readonly in?: unknown; readonly element?: unknown }
}

const shapeOf = (schema: unknown): Readonly<Record<string, unknown>> | undefined => (schema as SchemaParts | undefined)?.shape

const itemOf = (schema: unknown): unknown => (schema as SchemaParts | undefined)?.def?.element

function unwrap(schema: unknown): unknown {
  const { def } = (schema ?? {}) as SchemaParts
  const inner = def?.innerType ?? def?.in
  return inner === undefined ? schema : unwrap(inner)
}
