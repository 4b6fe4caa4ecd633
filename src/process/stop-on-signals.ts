import { constants } from 'node:os'
import process from 'node:process'
import { z } from 'zod'
import { parseConfig } from '../errors/config-problems.ts'
import { requireMethods } from '../errors/require.ts'
import { messageOf } from '../errors/tapekeeper-error.ts'
import { systemClock, type Cancel } from '../ports/clock.ts'
import { consoleLogger, fenceLogger, type Logger } from '../ports/logger.ts'

/** What asks a process to end, and can be caught. */
/** Signals that can be heeded. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGBREAK', 'SIGUSR2'] as const
export type StopSignal = (typeof STOP_SIGNALS)[number]

const stopOptions = z.strictObject({
  /** Default: what Ctrl+C sends, and what a supervisor such as systemd, Docker or Kubernetes sends. */
  signals: z.array(z.enum(STOP_SIGNALS)).min(1).readonly().default(['SIGINT', 'SIGTERM']),
  /** The process does not wait longer than this for the stop. Milliseconds. */
  deadlineMs: z.number().nonnegative().default(10_000),
  /** End the process, once stopped, with 128 and the signal's number, as shells expect it: 130 after Ctrl+C. */
  exit: z.boolean().default(true),
  logger: z.custom<Logger>((value) => typeof value === 'object' && value !== null, 'must be a logger').optional(),
})

export type StopOnSignalsOptions = z.input<typeof stopOptions>

/** A manager, a collector, or anything else that stops. */
export interface Stoppable {
  stop(): Promise<unknown>
}

/** Call it, or leave its `using` block: the signals do again what they did without us. */
export type Disposer = (() => void) & Disposable

/**
 * Stops a manager or a collector when the process is asked to end, and then ends the process. A second signal, or the deadline,
 * ends it at once. With `exit: false` the process is left to end by itself, and a second signal does what it did without us.
 *
 * @throws TapekeeperError `CONFIG_INVALID`.
 * @example
 * ```ts
 * import { CollectorManager } from 'tapekeeper'
 * import { stopOnSignals } from 'tapekeeper/node'
 * const manager = new CollectorManager('production')
 * stopOnSignals(manager, { deadlineMs: 20_000 })
 * await manager.start()
 * ```
 */
export function stopOnSignals(target: Stoppable, options: StopOnSignalsOptions = {}): Disposer {
  const { signals, deadlineMs, exit, logger: given } = parseConfig(stopOptions, options, 'options of stopOnSignals')
  requireMethods(target, ['stop'], 'stopOnSignals', 'target')
  const logger = fenceLogger(given ?? consoleLogger())
  let first: StopSignal | undefined
  let cancelDeadline: Cancel = () => undefined

  const dispose = (): void => {
    cancelDeadline()
    for (const signal of signals) process.off(signal, onSignal)
  }
  const end = (signal: StopSignal): void => {
    dispose()
    if (exit) process.exit(128 + constants.signals[signal])
  }
  const onSignal = (signal: StopSignal): void => {
    if (first !== undefined) {
      logger.warn(`${signal} after ${first}: not waiting any longer`)
      end(first)
      return
    }
    first = signal
    logger.info(`${signal}: stopping`)
    cancelDeadline = systemClock.after(deadlineMs, () => {
      logger.warn(`not stopped within ${deadlineMs} ms`)
      end(signal)
    })
    void stopped(target, logger).then(() => end(signal))
  }
  for (const signal of signals) process.on(signal, onSignal)
  return Object.assign(dispose, { [Symbol.dispose]: dispose })
}

async function stopped(target: Stoppable, logger: Logger): Promise<void> {
  try {
    await target.stop()
  } catch (error) {
    logger.error(`could not be stopped: ${messageOf(error)}`)
  }
}
