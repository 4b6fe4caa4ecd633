import { describe, expect, test } from 'vitest'
import { DataStream, OVERFLOW_POLICIES, type Lost, type StreamOptions } from '../../../src/core/collector/data-stream.ts'
import { StreamBacklog } from '../../../src/core/collector/stream-backlog.ts'
import fc from '../../support/fast-check.ts'

function setUp(options: StreamOptions = {}) {
  const told = { drops: 0, dropped: 0, ended: 0 }
  const lost: Lost<number>[] = []
  const backlog = new StreamBacklog<number>((value) => value)
  let isFlowing = true
  const stream = new DataStream<number>(options, {
    weigh: (value) => value,
    onOverflow: () => told.drops++,
    onFailed: () => told.dropped++,
    stall: (keep) => {
      isFlowing = false
      return backlog.open(keep, () => (isFlowing = true))
    },
    onSpellOver: (spell) => lost.push(spell),
    onEnd: () => told.ended++,
    overflowError: () => new Error('too slow'),
  })
  const push = stream.push.bind(stream)
  stream.push = (value) => {
    if (isFlowing) push(value)
    told.dropped += backlog.add(value)
  }
  return { stream, told, lost }
}

const item = (value: number) => ({ done: false, value })
const DONE = { done: true, value: undefined }

async function drain(stream: DataStream<number>): Promise<number[]> {
  const items: number[] = []
  for await (const each of stream) items.push(each)
  return items
}

describe('order', () => {
  test('items come in order, whether they were waited for or not', async () => {
    const { stream } = setUp()
    const early = stream.next()
    stream.push(1)
    stream.push(2)
    expect([await early, await stream.next()]).toEqual([item(1), item(2)])
  })

  test('several calls of next() are served in their order', async () => {
    const { stream } = setUp()
    const calls = [stream.next(), stream.next(), stream.next()]
    for (const value of [1, 2]) stream.push(value)
    stream.end()
    expect(await Promise.all(calls)).toEqual([item(1), item(2), DONE])
  })

  test('a long queue is given out in order and lets go of what was read', async () => {
    const { stream } = setUp({ highWaterMark: 100_000 })
    for (let i = 0; i < 50_000; i++) stream.push(i)
    for (let i = 0; i < 50_000; i++) {
      expect((await stream.next()).value).toBe(i)
      if (i % 3 === 0) stream.push(50_000 + i / 3)
    }
    expect(stream.size).toBe(Math.ceil(50_000 / 3))
  })
})

describe('when it is full', () => {
  test.each([
    ['drop-oldest', [3, 4, 5]],
    ['drop-newest', [1, 2, 3]],
  ] as const)('%s keeps %j', async (onOverflow, expected) => {
    const { stream, told } = setUp({ onOverflow, highWaterMark: 3 })
    for (const value of [1, 2, 3, 4, 5]) stream.push(value)
    expect([stream.dropped, stream.size, told]).toEqual([2, 3, { drops: 1, dropped: 2, ended: 0 }])
    stream.end()
    expect(await drain(stream)).toEqual(expected)
  })

  test('throw: what is queued can be read, then the iteration throws once', async () => {
    const { stream, told } = setUp({ onOverflow: 'throw', highWaterMark: 2 })
    for (const value of [1, 2, 3, 4]) stream.push(value)
    expect(told).toEqual({ drops: 1, dropped: 1, ended: 1 })
    expect([await stream.next(), await stream.next()]).toEqual([item(1), item(2)])
    await expect(stream.next()).rejects.toThrow('too slow')
    expect(await stream.next()).toEqual(DONE)
  })

  test('a spell of dropping is told once, the next one again', async () => {
    const { stream, told } = setUp({ highWaterMark: 1 })
    for (const value of [1, 2, 3]) stream.push(value)
    expect(told.drops).toBe(1)
    await stream.next()
    for (const value of [4, 5]) stream.push(value)
    expect(told).toMatchObject({ drops: 2, dropped: 3 })
  })

  test('the default holds 10,000 and drops the oldest', () => {
    const { stream } = setUp()
    for (let i = 0; i < 10_001; i++) stream.push(i)
    expect([stream.size, stream.dropped]).toEqual([10_000, 1])
  })
})

describe('the end', () => {
  test('end() lets the queue be read', async () => {
    const { stream, told } = setUp()
    stream.push(1)
    stream.end()
    stream.end()
    stream.push(2)
    expect(await drain(stream)).toEqual([1])
    expect(told.ended).toBe(1)
    expect(stream.ended).toBe(true)
  })

  test.each(['return', 'abort'] as const)('%s gives up what is queued and frees who waits', async (how) => {
    const control = new AbortController()
    const { stream, told } = setUp({ signal: control.signal })
    stream.push(1)
    stream.push(2)
    if (how === 'return') await stream.return()
    else control.abort()
    expect([await stream.next(), stream.size, told.ended]).toEqual([DONE, 0, 1])

    const other = new AbortController()
    const idle = setUp({ signal: other.signal })
    const waiting = [idle.stream.next(), idle.stream.next()]
    if (how === 'return') await idle.stream.return()
    else other.abort()
    expect(await Promise.all(waiting)).toEqual([DONE, DONE])
  })

  test('breaking out of the loop ends it', async () => {
    const { stream, told } = setUp()
    for (const value of [1, 2, 3]) stream.push(value)
    for await (const value of stream) if (value === 2) break
    expect([stream.ended, told.ended, stream.size]).toEqual([true, 1, 0])
  })

  test('a throw in the loop ends it', async () => {
    const { stream } = setUp()
    stream.push(1)
    const loop = async (): Promise<void> => {
      for await (const value of stream) throw new Error(`consumer ${value}`)
    }
    await expect(loop()).rejects.toThrow('consumer 1')
    expect(stream.ended).toBe(true)
  })

  test('a signal that has aborted already: nothing ever comes', async () => {
    const { stream, told } = setUp({ signal: AbortSignal.abort() })
    stream.push(1)
    expect([await stream.next(), told.ended]).toEqual([DONE, 1])
  })

  test('a long-lived signal keeps no listener of a stream that ended', async () => {
    const control = new AbortController()
    const listeners = new Set<unknown>()
    const { signal } = control
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (type: string, listener: EventListener, options?: AddEventListenerOptions) => {
      listeners.add(listener)
      add(type, listener, options)
    }
    signal.removeEventListener = (type: string, listener: EventListener) => {
      listeners.delete(listener)
      remove(type, listener)
    }
    for (let i = 0; i < 10; i++) {
      const { stream } = setUp({ signal })
      stream.push(i)
      if (i % 3 > 0) stream.end()
      if (i % 3 < 2) await stream.return()
      await stream.next()
    }
    expect(listeners.size).toBe(0)
  })
})

describe('against a simple model', () => {
  const command = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), value: fc.nat(99) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('next' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'abort' as const, 'return' as const) }) },
  )

  test('gives what the model gives, in order, and counts what it drops', async () => {
    const commands = fc.array(command, { maxLength: 60, size: 'max' })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(...OVERFLOW_POLICIES),
        commands,
        async (mark, onOverflow, list) => {
          const control = new AbortController()
          const { stream, told, lost } = setUp({ highWaterMark: mark, onOverflow, signal: control.signal })
          const spells: { first: number; last: number; weight: number }[] = []
          let spell: (typeof spells)[number] | undefined
          const drop = (value: number): void => {
            spell = { first: spell?.first ?? value, last: value, weight: (spell?.weight ?? 0) + value }
          }
          const endSpell = (): void => {
            if (spell !== undefined) spells.push(spell)
            spell = undefined
          }
          const results: Promise<unknown>[] = []
          const expected: unknown[] = []
          const model = { queue: [] as number[], waiting: [] as number[], ended: false, failing: false, dropped: 0 }
          const finish = (): void => {
            endSpell()
            model.ended = true
            for (const index of model.waiting.splice(0)) expected[index] = DONE
          }
          for (const each of list) {
            if (each.do === 'push') {
              stream.push(each.value)
              if (model.ended) continue
              const index = model.waiting.shift()
              if (index !== undefined) expected[index] = item(each.value)
              else if (model.queue.length < mark) model.queue.push(each.value)
              else {
                model.dropped++
                drop(onOverflow === 'drop-oldest' ? model.queue[0]! : each.value)
                if (onOverflow === 'drop-oldest') model.queue = [...model.queue.slice(1), each.value]
                if (onOverflow === 'throw') {
                  model.failing = true
                  finish()
                }
              }
            } else if (each.do === 'next') {
              endSpell()
              results.push(stream.next().catch((error: unknown) => (error as Error).message))
              const value = model.queue.shift()
              if (value !== undefined) expected.push(item(value))
              else if (model.failing) {
                expected.push('too slow')
                model.failing = false
              } else if (model.ended) expected.push(DONE)
              else {
                model.waiting.push(expected.length)
                expected.push(undefined)
              }
            } else {
              if (each.do === 'end') stream.end()
              else if (each.do === 'abort') control.abort()
              else await stream.return()
              if (each.do !== 'end') model.queue = []
              if (!model.ended) finish()
            }
            expect(stream.size).toBe(model.queue.length)
            expect(lost).toEqual(spells)
            expect(stream.ended).toBe(model.ended)
          }
          stream.end()
          if (!model.ended) finish()
          expect(await Promise.all(results)).toEqual(expected)
          expect([stream.dropped, told.dropped]).toEqual([model.dropped, model.dropped])
          expect(told.ended).toBe(1)
        },
      ),
      { seed: 15, numRuns: 400 },
    )
  })
})
