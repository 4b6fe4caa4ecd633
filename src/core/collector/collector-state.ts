/**
 * What a collector is doing.
 *
 * - `degraded`: collecting, but at least one subscription is not confirmed just now
 * - `unhealthy`: the health check found it silent or stuck
 * - `error`: it could not start or could not go on; nothing runs
 */
export const COLLECTOR_STATUSES = [
  'stopped',
  'starting',
  'running',
  'degraded',
  'unhealthy',
  'restarting',
  'stopping',
  'error',
] as const
export type CollectorStatus = (typeof COLLECTOR_STATUSES)[number]

/** From each status, those that may follow. */
const FOLLOWING: Readonly<Record<CollectorStatus, readonly CollectorStatus[]>> = {
  stopped: ['starting'],
  starting: ['running', 'degraded', 'error', 'stopping'],
  running: ['degraded', 'unhealthy', 'restarting', 'stopping', 'error'],
  degraded: ['running', 'unhealthy', 'restarting', 'stopping', 'error'],
  unhealthy: ['running', 'degraded', 'restarting', 'stopping', 'error'],
  restarting: ['running', 'degraded', 'stopping', 'error'],
  stopping: ['stopped'],
  error: ['starting', 'restarting', 'stopping'],
}

export function canFollow(from: CollectorStatus, to: CollectorStatus): boolean {
  return FOLLOWING[from].includes(to)
}

/** Collecting, or meant to be in a moment. */
export function isActive(status: CollectorStatus): boolean {
  return status !== 'stopped' && status !== 'error' && status !== 'stopping'
}
