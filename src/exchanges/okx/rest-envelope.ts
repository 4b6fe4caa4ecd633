import type { RestOutcome } from '../../core/rest-client.ts'
import { documentedReaction } from './reactions.ts'
import { restEnvelope } from './wire.ts'

/** Opens the envelope every OKX answer comes in: HTTP 200 may still carry a refusal. */
export function readRows(body: unknown): RestOutcome<readonly unknown[]> {
  const { code, msg, data } = restEnvelope.parse(body)
  if (code === '0') return { kind: 'ok', data }
  const reaction = documentedReaction(code)
  const mayPass = reaction === 'retry' || reaction === 'slow-down'
  return { kind: mayPass ? 'retry' : 'failed', message: `${code} ${msg}`.trim() }
}
