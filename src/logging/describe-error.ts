/** Causes below this many are not followed. */
const DEEPEST_CAUSE = 5

/** An error as plain data: JSON by itself would make `{}` of it. Never changes the error, unlike pino's own serializer. */
export function describeError(error: Error, depth = 0): Readonly<Record<string, unknown>> {
  const { name, message, stack, cause } = error
  const deeper = (inner: unknown): unknown => (inner instanceof Error ? describeError(inner, depth + 1) : inner)
  return {
    type: name,
    message,
    ...plainFields(error),
    stack,
    ...(cause === undefined || depth >= DEEPEST_CAUSE ? {} : { cause: deeper(cause) }),
    ...(error instanceof AggregateError && depth < DEEPEST_CAUSE ? { errors: error.errors.map(deeper) } : {}),
  }
}

/** `code`, `errno` and the like, and the context of our own errors. Other objects may hold anything, whole requests with their headers. */
function plainFields(error: Error): Readonly<Record<string, unknown>> {
  const isPlain = ([key, value]: readonly [string, unknown]): boolean =>
    key === 'context' || ['string', 'number', 'boolean', 'bigint'].includes(typeof value)
  return Object.fromEntries(Object.entries(error).filter(isPlain))
}
