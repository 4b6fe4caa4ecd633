/** How the texts among the fields of a log line are written. */
export interface Rendering {
  text(text: string): string
  stack(stack: string): unknown
}

type Plain = Readonly<Record<string, unknown>>

/** Fields that are blanked wherever they stand, in whatever case. A second fence: the library itself never logs them. */
export const SECRET_FIELDS = ['apiKey', 'secret', 'passphrase', 'sign', 'signature', 'credentials', 'authorization'] as const
const SECRETS: ReadonlySet<string> = new Set(SECRET_FIELDS.map((name) => name.toLowerCase()))

const DEEPEST = 6
/** Causes below this many are not followed. */
const DEEPEST_CAUSE = 5
/** Values that one line may hold. */
const MOST_VALUES = 2_000

const AS_THEY_ARE: Rendering = { text: (text) => text, stack: (stack) => stack }

/**
 * The fields of a log line as plain data of bounded size. Never throws, whatever they are: a getter or a Proxy that does costs its own
 * field. Errors come with code, context, stack and causes, which JSON by itself would leave out.
 */
export function plainFields(fields: unknown, rendering: Rendering = AS_THEY_ARE): Plain {
  const plain = new PlainCopy(rendering).of(fields)
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain) ? (plain as Plain) : { fields: plain }
}

class PlainCopy {
  readonly #rendering: Rendering
  #left = MOST_VALUES

  constructor(rendering: Rendering) {
    this.#rendering = rendering
  }

  of(value: unknown, depth = 0, around: readonly object[] = []): unknown {
    if (--this.#left < 0) return '[…]'
    try {
      switch (typeof value) {
        case 'string':
          return this.#rendering.text(value)
        case 'symbol':
          return this.#rendering.text(String(value))
        case 'function':
          return this.#rendering.text(`[function ${value.name}]`)
        case 'object':
          return value === null ? null : this.#object(value, depth, around)
        default:
          return value
      }
    } catch (thrown) {
      return this.#unreadable(thrown)
    }
  }

  #object(value: object, depth: number, around: readonly object[]): unknown {
    if (value instanceof Error) return this.#error(value, depth, 0, around)
    if (around.includes(value)) return '[circular]'
    if (depth > DEEPEST) return '[…]'
    const inside = [...around, value]
    const { toJSON } = value as { readonly toJSON?: unknown }
    if (typeof toJSON === 'function') return this.of(toJSON.call(value, ''), depth + 1, inside)
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
    if (Array.isArray(value) || value instanceof Set) return this.#list(value as Iterable<unknown>, depth, inside)
    if (value instanceof Map) return this.#list(value, depth, inside)
    return this.#record(value, Object.keys(value), depth, inside)
  }

  #list(values: Iterable<unknown>, depth: number, inside: readonly object[]): unknown[] {
    const list: unknown[] = []
    for (const value of values) {
      list.push(this.of(value, depth + 1, inside))
      if (this.#left < 0) break
    }
    return list
  }

  #record(value: object, keys: readonly string[], depth: number, inside: readonly object[]): Plain {
    const plain: Record<string, unknown> = {}
    for (const key of keys) {
      if (this.#left < 0) break
      const isSecret = SECRETS.has(key.toLowerCase())
      const name = this.#rendering.text(key)
      // A field named `__proto__` is a field like any other.
      Object.defineProperty(plain, name, {
        value: isSecret ? '[redacted]' : this.#field(value, key, depth, inside),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    return plain
  }

  #field(value: object, key: string, depth: number, inside: readonly object[]): unknown {
    try {
      return this.of((value as Record<string, unknown>)[key], depth + 1, inside)
    } catch (thrown) {
      return this.#unreadable(thrown)
    }
  }

  /** Own fields of other types than these may hold anything, whole requests with their headers. */
  #error(error: Error, depth: number, causes: number, around: readonly object[]): Plain {
    const isPlain = (key: string): boolean => {
      const value = this.#field(error, key, depth, around)
      return key === 'context' || ['string', 'number', 'boolean', 'bigint'].includes(typeof value)
    }
    const inner = (value: unknown): unknown =>
      value instanceof Error ? this.#error(value, depth, causes + 1, around) : this.of(value, depth + 1, around)
    const { name, message, stack, cause } = error
    const own = Object.keys(error).filter((key) => !['stack', 'cause', 'errors'].includes(key) && isPlain(key))
    return {
      type: this.of(name),
      message: this.of(message),
      ...this.#record(error, own, depth, around),
      stack: typeof stack === 'string' ? this.#rendering.stack(stack) : undefined,
      ...(cause === undefined || causes >= DEEPEST_CAUSE ? {} : { cause: inner(cause) }),
      ...(error instanceof AggregateError && causes < DEEPEST_CAUSE ? { errors: error.errors.map(inner) } : {}),
    }
  }

  #unreadable(thrown: unknown): string {
    try {
      return this.#rendering.text(`[unreadable: ${thrown instanceof Error ? thrown.message : String(thrown)}]`)
    } catch {
      return '[unreadable]'
    }
  }
}
