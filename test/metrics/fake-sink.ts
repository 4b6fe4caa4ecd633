import type { SinkStatus } from '../../src/ports/sink.ts'

/** What a sink says that has had nothing to do. */
export const fakeSink = (fields: Partial<SinkStatus> = {}): SinkStatus => ({
  name: 'fake > sqlite',
  state: 'working',
  queued: 0,
  maxQueued: 100,
  spooled: 0,
  spooledBytes: 0,
  delivered: 0,
  rejected: 0,
  lost: 0,
  failures: 0,
  awaySince: undefined,
  lastError: undefined,
  ...fields,
})
