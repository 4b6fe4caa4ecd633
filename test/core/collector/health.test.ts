import { describe, expect, test } from 'vitest'
import { assessHealth, type HealthFacts } from '../../../src/core/collector/health.ts'

const NOW = 1_000_000
const well: HealthFacts = {
  status: 'running',
  shouldBeRunning: true,
  elapsed: NOW,
  startedAt: NOW - 500_000,
  lastHeartbeatAt: NOW - 10,
  lastDataAt: NOW - 10,
  maxHeartbeatGapMs: 60_000,
  maxSilenceDurationMs: 300_000,
  ownFindings: [],
}

describe('findings', () => {
  test.each<[string, Partial<HealthFacts>, string[]]>([
    ['well', {}, []],
    ['stopped on purpose', { shouldBeRunning: false, startedAt: undefined, status: 'stopped' }, []],
    ['failed', { status: 'error', startedAt: undefined }, ['error-state']],
    ['on its way', { status: 'starting', startedAt: undefined }, ['not-running']],
    ['loop stuck', { lastHeartbeatAt: NOW - 60_001 }, ['no-heartbeat']],
    ['just in time', { lastHeartbeatAt: NOW - 60_000, lastDataAt: NOW - 300_000 }, []],
    ['silent', { lastDataAt: NOW - 300_001 }, ['stale-data']],
    ['never any data, for too long', { lastDataAt: undefined }, ['stale-data']],
    ['never any data, but young', { lastDataAt: undefined, startedAt: NOW - 1_000 }, []],
    ['silent in the run before, but this one is young', { lastDataAt: NOW - 900_000, startedAt: NOW - 1_000 }, []],
    ['stuck in the run before, but this one is young', { lastHeartbeatAt: NOW - 900_000, startedAt: NOW - 1_000 }, []],
    ['both', { lastHeartbeatAt: undefined, lastDataAt: undefined }, ['no-heartbeat', 'stale-data']],
    ['its own', { ownFindings: [{ issue: 'own', text: 'trades:X is pending' }] }, ['own']],
    ['silent, where that is no fault', { lastDataAt: NOW - 900_000, maxSilenceDurationMs: undefined }, []],
  ])('%s', (_name, change, expected) => {
    expect(assessHealth({ ...well, ...change }).map(({ issue }) => issue)).toEqual(expected)
  })

  test('say how long, in seconds', () => {
    expect(assessHealth({ ...well, lastDataAt: NOW - 301_250 })).toEqual([{ issue: 'stale-data', text: 'no data for 301.3 s' }])
  })
})
