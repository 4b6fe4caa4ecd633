/**
 * A process that has a lane open: `hold` says so and waits; `append` says each line that was acknowledged; `try` opens and appends once
 * and says how that went. Says `{"ready":true}` when the lane is open.
 */
import { writeSync } from 'node:fs'
import { createFileSpool } from 'tapekeeper/node'

const [directory = '', task = '', from = '0'] = process.argv.slice(2)
// A pipe may be full; nothing that was acknowledged may stay unsaid, so the write waits.
const say = (value: unknown): void => void writeSync(1, `${JSON.stringify(value)}\n`)
const lane = createFileSpool({ directory, segmentBytes: 5_000 }).lane('l')

try {
  await lane.open()
  say({ ready: true })
  if (task === 'hold') setInterval(() => undefined, 1_000)
  if (task === 'try') {
    await lane.append(['a'])
    say({ done: await lane.read(1) })
    await lane.close()
  }
  for (let next = Number(from); task === 'append';) {
    const batch = Array.from({ length: 1 + (next % 7) }, (_, index) => `line ${next + index}`)
    await lane.append(batch)
    next += batch.length
    say({ acknowledged: next })
  }
} catch (error) {
  say({ error: String(error), code: (error as { code?: unknown }).code })
}
