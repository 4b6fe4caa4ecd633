import { silentLogger } from 'tapekeeper'
import { stopOnSignals, type StopOnSignalsOptions } from 'tapekeeper/node'

// Run by stop-on-signals.test.ts in a process of its own. `STOP_MS`: how long the stop takes, negative for ever, empty to fail.
const stopMs = process.env['STOP_MS'] ?? ''
const options = JSON.parse(process.env['OPTIONS'] ?? '{}') as StopOnSignalsOptions
const alive = setInterval(() => undefined, 1_000)

const dispose = stopOnSignals(
  {
    stop: async () => {
      console.log('stopping')
      if (stopMs === '') throw new Error('cannot stop')
      if (Number(stopMs) < 0) await new Promise(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, Number(stopMs)))
      console.log('stopped')
      if (options.exit === false) clearInterval(alive)
    },
  },
  { logger: silentLogger, ...options },
)
if (process.env['DISPOSED'] === '1') dispose()
console.log('ready')
