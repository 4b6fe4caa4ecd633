import { expect, test } from 'vitest'
import { documentedReaction, reactionTo } from '../../../src/exchanges/okx/reactions.ts'

test.each([
  ['clock', ['60004', '60006']],
  ['auth', ['50119', '60005', '60007', '60009', '60024', '60032']],
  ['login-needed', ['60011']],
  ['ignore', ['60031']],
  ['reject', ['60008', '60018', '64001', '64002', '64003', '64004', '60012', '60013', '60019', '60033', '64000']],
  ['slow-down', ['50011', '60014', '60023']],
  ['retry', ['50001', '50004', '50005', '50013', '50026', '50113', '63999', '64007', '64008']],
] as const)('%s', (reaction, codes) => {
  for (const code of codes) expect([code, documentedReaction(code)]).toEqual([code, reaction])
})

test.each(['99999', '', 'unknown', '__proto__', 'constructor'])('a code nobody documented is retried: %j', (code) => {
  expect(documentedReaction(code)).toBeUndefined()
  expect(reactionTo(code)).toBe('retry')
})
