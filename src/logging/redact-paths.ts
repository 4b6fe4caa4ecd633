import { SECRET_FIELDS } from '../ports/plain-fields.ts'

/** pino's paths have a fixed depth: `*.*.secret`. Our own fields are never this deep; `error.cause.context` is. */
const DEEPEST = 5

/** Fields that are blanked wherever they stand. A second fence: the library itself never logs them. */
export const REDACT_PATHS: readonly string[] = Array.from({ length: DEEPEST + 1 }, (_, depth) =>
  SECRET_FIELDS.map((name) => '*.'.repeat(depth) + name),
).flat()
