/**
 * What a terminal obeys, or does not show, in place of showing it: control characters (escape sequences begin with one), line ends of
 * every kind, marks of direction and other invisible ones, halves of pairs.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Text of others' as one line of a log in which everything can be seen and nothing does anything: `\n`, `\u001b`. Safe in JSON, too. */
export const printable = (text: string): string => text.replace(HIDDEN, (hidden) => NAMED[hidden] ?? escaped(hidden))

/** Of these JSON writes the first 32 control characters and halves of pairs as escapes, and the others as they are. */
const LEFT_BY_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu

/** The same JSON with those written as escapes, too, so that a file of it can be looked at. */
export const printableJson = (json: string): string => json.replace(LEFT_BY_JSON, escaped)

const escaped = (hidden: string): string =>
  Array.from({ length: hidden.length }, (_, i) => `\\u${hidden.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
