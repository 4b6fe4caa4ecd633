import { z } from 'zod'
import { gapFromJson, gapToJson, JsonShapeError, pointFromJson, pointToJson } from '../domain/point-json.ts'
import type { OutputMessage, OutputPayload } from './output.ts'

const envelope = z.object({
  session: z.string().min(1),
  sequence: z.number().int().positive(),
  stream: z.string().min(1),
  type: z.enum(['point', 'gap']),
  data: z.unknown(),
})

/**
 * One message as text for a bus: `{ session, sequence, stream, type, data }`.
 *
 * @throws whatever the payload makes `JSON.stringify` throw.
 */
export function messageToJson({ session, sequence, stream, payload }: OutputMessage): string {
  const data = payload.type === 'point' ? pointToJson(payload.point) : gapToJson(payload.gap)
  return JSON.stringify({ session, sequence, stream, type: payload.type, data })
}

/** @throws Error when it is no message of ours. */
export function messageFromJson(text: string): OutputMessage {
  const result = envelope.safeParse(JSON.parse(text))
  if (!result.success) throw new JsonShapeError('message', result.error.issues)
  const { type, data, ...rest } = result.data
  const payload: OutputPayload = type === 'point' ? { type, point: pointFromJson(data) } : { type, gap: gapFromJson(data) }
  return { ...rest, payload }
}
