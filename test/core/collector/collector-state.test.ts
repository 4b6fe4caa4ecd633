import { expect, test } from 'vitest'
import { canFollow, COLLECTOR_STATUSES, isActive } from '../../../src/core/collector/collector-state.ts'

test('no status follows itself; from each one stopped can be reached, and running from stopped', () => {
  const reachable = (from: (typeof COLLECTOR_STATUSES)[number]): Set<string> => {
    const seen = new Set<string>([from])
    const queue = [from]
    for (let each = queue.pop(); each !== undefined; each = queue.pop()) {
      for (const to of COLLECTOR_STATUSES) {
        if (!canFollow(each, to) || seen.has(to)) continue
        seen.add(to)
        queue.push(to)
      }
    }
    return seen
  }
  for (const status of COLLECTOR_STATUSES) {
    expect(canFollow(status, status)).toBe(false)
    expect(reachable(status)).toContain('stopped')
  }
  expect(reachable('stopped')).toContain('running')
})

test('stopped and error are the only ends', () => {
  expect(COLLECTOR_STATUSES.filter((status) => !isActive(status))).toEqual(['stopped', 'stopping', 'error'])
  expect(COLLECTOR_STATUSES.filter((status) => canFollow('stopped', status))).toEqual(['starting'])
  expect(COLLECTOR_STATUSES.filter((status) => canFollow('stopping', status))).toEqual(['stopped'])
})
