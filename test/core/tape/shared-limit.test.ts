import { describe, expect, test } from 'vitest'
import { createRestClient, type RestOutcome } from '../../../src/core/rest-client.ts'
import { createTestWorld, httpAnswer, inVirtualTime, type TestWorld } from '../../support/test-ports.ts'

// One limit per path and host, however many tapes ask: 20 per 2 s, as OKX's history-trades.

const LIMIT = { count: 20, perMs: 2_000 }
const read = (body: unknown): RestOutcome<unknown> => ({ kind: 'ok', data: body })

function createWorld(answerMs = 30) {
  const world = createTestWorld(() => 0.5)
  const sent: { readonly at: number; readonly path: string }[] = []
  const start = world.clock.now()
  const client = createRestClient('https://api.acme.test', world.ports, { limits: { '/history': LIMIT } })
  world.answer = async ({ url }) => {
    const { pathname, search } = new URL(url)
    sent.push({ at: world.clock.now() - start, path: pathname + search })
    await new Promise<void>((resolve) => void world.clock.after(answerMs, resolve))
    return httpAnswer(200, [search])
  }
  return { world, client, sent }
}

const busiest = (times: readonly number[]): number =>
  Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + LIMIT.perMs).length))

const finish = (world: TestWorld, work: Promise<unknown>) => inVirtualTime(world.clock, work, 600_000)

describe('requests that share a limit', () => {
  test('200 tapes of three pages each: never more than 20 in any 2 s, all answered, none starved', async () => {
    const { world, client, sent } = createWorld()
    const done: number[] = []
    const tape = async (index: number): Promise<void> => {
      for (let page = 0; page < 3; page++) await client.get(`/history?tape=${index}&page=${page}`, read)
      done.push(index)
    }
    await finish(world, Promise.all(Array.from({ length: 200 }, (_, index) => tape(index))))
    expect(done).toHaveLength(200)
    expect(sent).toHaveLength(600)
    expect(busiest(sent.map(({ at }) => at))).toBe(20)
    // As fast as it is allowed to be.
    expect(sent.at(-1)!.at).toBeLessThanOrEqual(600 * 100 + 2_000)
    // Every tape has its first page before a quarter of them has the last one.
    const firstPages = sent.findLastIndex(({ path }) => path.endsWith('page=0'))
    const lastPages = sent.slice(0, firstPages).filter(({ path }) => path.endsWith('page=2')).length
    expect(lastPages).toBeLessThan(50)
    expect(world.clock.pending).toBe(0)
  })

  test('paths without a limit do not wait', async () => {
    const { world, client, sent } = createWorld()
    await finish(
      world,
      Promise.all(
        Array.from({ length: 100 }, (_, i) => Promise.all([client.get(`/history?${i}`, read), client.get(`/other?${i}`, read)])),
      ),
    )
    expect(sent.filter(({ path }) => path.startsWith('/other')).every(({ at }) => at === 0)).toBe(true)
  })

  test('repetitions count as well', async () => {
    const { world, client, sent } = createWorld()
    const { answer } = world
    world.answer = async (request) => {
      await answer(request)
      return sent.length % 3 === 0 ? httpAnswer(200, []) : httpAnswer(503)
    }
    await finish(world, Promise.allSettled(Array.from({ length: 40 }, (_, i) => client.get(`/history?${i}`, read))))
    expect(sent.length).toBeGreaterThan(80)
    expect(busiest(sent.map(({ at }) => at))).toBe(20)
  })

  test('one that gives up while it waits takes nobody’s turn and leaves no timer', async () => {
    const { world, client, sent } = createWorld()
    const controls = Array.from({ length: 20 }, () => new AbortController())
    const reason = new Error('enough')
    const all = Array.from({ length: 60 }, (_, i) => client.get(`/history?${i}`, read, controls[i - 20]?.signal))
    const settled = Promise.allSettled(all)
    await world.clock.advance(500)
    for (const control of controls) control.abort(reason)
    const results = await finish(world, settled)
    const rejected = (results as PromiseSettledResult<unknown>[]).flatMap((result, i) =>
      result.status === 'rejected' ? [[i, result.reason] as const] : [],
    )
    expect(rejected.map(([i]) => i)).toEqual(Array.from({ length: 20 }, (_, i) => 20 + i))
    expect(rejected.every(([, why]) => why === reason)).toBe(true)
    expect(sent).toHaveLength(40)
    expect(sent.at(-1)!.at).toBeLessThan(2_100)
    expect(world.clock.pending).toBe(0)
  })

  test('an error tells when it was first sent, not when it was asked for, whatever the wall clock does', async () => {
    const { world, client } = createWorld()
    const start = world.clock.elapsed()
    world.clock.stepWall(-600_000)
    const first = Promise.all(Array.from({ length: 20 }, (_, i) => client.get(`/history?${i}`, read)))
    await world.clock.advance(100)
    world.answer = () => httpAnswer(503)
    const failed = client.get('/history?late', read).catch((error: unknown) => error)
    await finish(world, Promise.all([first, failed]))
    expect(await failed).toMatchObject({ code: 'REST_FAILED', context: { sentAt: start + 2_000 } })
  })

  test('what can wait leaves half of the limit free, and takes nothing while others wait', async () => {
    const { world, client, sent } = createWorld()
    const late = client.inBackground!
    let isOver = false
    // Fifty gaps are looked for, as fast as they may be.
    const gaps = Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        while (!isOver) await late.get(`/history?late=${i}`, read)
      }),
    )
    await world.clock.advance(20_000)
    expect(busiest(sent.map(({ at }) => at))).toBe(LIMIT.count / 2)
    expect(sent.length).toBeGreaterThan(90)

    // A hole is repaired: its first ten pages need not wait at all.
    const before = sent.length
    const first = Promise.all(Array.from({ length: 10 }, (_, i) => client.get(`/history?now=${i}`, read)))
    await world.clock.advance(40)
    await first
    expect(sent.slice(before).filter(({ path }) => path.includes('now'))).toHaveLength(10)

    // Many are: while one of them waits, nothing else is sent.
    const since = sent.length
    const many = Promise.all(Array.from({ length: 60 }, (_, i) => client.get(`/history?now=${10 + i}`, read)))
    await world.clock.advance(10_000)
    await many
    const order = sent.slice(since).map(({ path }) => path.includes('late'))
    expect(order.slice(0, order.lastIndexOf(false)).filter(Boolean)).toEqual([])
    await world.clock.advance(10_000)
    expect(sent.at(-1)?.path).toContain('late')
    expect(busiest(sent.map(({ at }) => at))).toBeLessThanOrEqual(LIMIT.count)
    isOver = true
    await world.clock.advance(60_000)
    await gaps
    expect(world.clock.pending).toBe(0)
  })
})
