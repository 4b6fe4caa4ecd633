import { z } from 'zod'
import { commonOptions } from '../core/collector/base-options.ts'
import { sinkOptions } from '../core/sinks/sink-options.ts'
import { parseConfig, withDefault } from '../errors/config-problems.ts'
import { environment } from '../ports/environment.ts'

const managerOptions = z.strictObject({
  /** Name in logs and in the status. */
  managerName: z.string().min(1).default('collector_manager'),
  /** Time between two looks at all collectors. */
  globalHealthCheckIntervalMs: z.number().min(100).default(60_000),
  /** Distance between coordinated restarts, and ceiling of the delay before a failed collector is first restarted. Default: `RECONNECT_DELAY`. */
  restartDelayMs: withDefault(z.number().nonnegative(), () => environment().reconnectDelayMs),
  /** What has not come up after this long is not waited for any more; it goes on trying. */
  startDeadlineMs: z.number().nonnegative().default(60_000),
  /** What has not stopped politely after this long is stopped with force. */
  stopDeadlineMs: z.number().nonnegative().default(30_000),
  logger: commonOptions.logger,
  /** Stops the manager, and with it every collector, when it aborts. */
  signal: commonOptions.signal,
  /** Clock and chance in place of the real ones. Collectors have ports of their own. */
  ports: commonOptions.ports,
  ...sinkOptions,
})

const stopOptions = z.strictObject({
  /** What has not stopped politely after this long is stopped with force. Milliseconds; default: the manager's `stopDeadlineMs`. */
  deadlineMs: z.number().nonnegative().optional(),
  /** Waits for nothing. */
  force: z.boolean().optional(),
})

/** How a manager stops. */
export type StopOptions = z.input<typeof stopOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parseStopOptions(options: StopOptions): StopOptions {
  return parseConfig(stopOptions, options, 'stop options')
}

/** Options of a `CollectorManager`. Milliseconds throughout. */
export type CollectorManagerOptions = z.input<typeof managerOptions>
export type ResolvedManagerOptions = z.output<typeof managerOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parseManagerOptions(options: string | CollectorManagerOptions): ResolvedManagerOptions {
  return parseConfig(managerOptions, typeof options === 'string' ? { managerName: options } : options, 'manager options')
}
