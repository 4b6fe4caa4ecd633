import { expect, test } from 'vitest'
import { printable, printableJson } from '../../src/ports/printable.ts'
import fc from '../support/fast-check.ts'
import { property } from '../support/runs.ts'

test.each([
  ['line ends of every kind', 'a\nb\r\nc\u0085d\u2028e\u2029f\vg', String.raw`a\nb\r\nc\u0085d\u2028e\u2029f\u000bg`],
  [
    'escape sequences of 7 and 8 bits',
    '\u001b[31mred\u009b0m\u001b]0;title\u0007',
    String.raw`\u001b[31mred\u009b0m\u001b]0;title\u0007`,
  ],
  ['marks of direction', '\u202etxt.exe\u202c\u2066\u2069\u200f\u061c', String.raw`\u202etxt.exe\u202c\u2066\u2069\u200f\u061c`],
  ['what cannot be seen', 'a\u200bb\ufeffc\u{e0041}\u00ad\u0000', String.raw`a\u200bb\ufeffc\udb40\udc41\u00ad\u0000`],
  ['half a pair', 'a\ud800b', String.raw`a\ud800b`],
  ['what can be seen', 'größe 価格 😀 "quoted" \\', 'größe 価格 😀 "quoted" \\'],
])('%s', (_name, text, shown) => expect(printable(text)).toBe(shown))

test('nothing hidden is left of any text; JSON means what it meant', () => {
  const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(hidden)
      const json = printableJson(JSON.stringify({ [text]: text }))
      expect(json).not.toMatch(hidden)
      expect(JSON.parse(json)).toEqual({ [text]: text })
    }),
    property({ quick: 500, deep: 20_000 }),
  )
})
