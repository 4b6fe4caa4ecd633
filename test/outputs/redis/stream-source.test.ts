import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RedisConnection } from '../../../src/outputs/redis/redis-connection.ts'
import { StreamSource } from '../../../src/outputs/redis/stream-source.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each([-3_600_000, 3_600_000])(
  'the wall clock is stepped by %i ms: new streams are looked for as often as ever',
  async (ms) => {
    const lost = new AbortController()
    let lookups = 0
    const run = ([command]: readonly string[]): Promise<unknown> => {
      if (command === 'SMEMBERS') lookups++
      return Promise.resolve([])
    }
    const source = new StreamSource({ prefix: 'p:', filters: [], start: 'now', placeOf: () => 'unknown' })
    const hooks = { onListening: vi.fn(), onText: vi.fn(), onDamaged: vi.fn(), onRefused: vi.fn() }
    source.listen({ run, lost: lost.signal } as unknown as RedisConnection, hooks).catch(() => undefined)
    await vi.advanceTimersByTimeAsync(10_000)
    const before = lookups
    expect(before).toBeGreaterThanOrEqual(10)
    vi.setSystemTime(Date.now() + ms)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(lookups - before).toBe(10)
    lost.abort()
    await vi.advanceTimersByTimeAsync(0)
  },
)
