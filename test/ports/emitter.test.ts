import { describe, expect, test, vi } from 'vitest'
import { callFenced, Emitter, isThenable } from '../../src/ports/emitter.ts'

interface Events {
  news: (text: string, count: number) => unknown
  other: () => void
}

function setUp() {
  const faults: [unknown, string][] = []
  const emitter = new Emitter<Events>((error, event) => faults.push([error, event]))
  return { emitter, faults }
}

test('listeners hear every argument, in the order they came', () => {
  const { emitter } = setUp()
  const heard: string[] = []
  emitter.on('news', (text, count) => heard.push(`a ${text} ${count}`))
  emitter.on('news', (text, count) => heard.push(`b ${text} ${count}`))
  emitter.emit('news', 'x', 1)
  emitter.emit('other')
  expect(heard).toEqual(['a x 1', 'b x 1'])
})

describe('a bad listener stops neither the others nor us', () => {
  test('one that throws', () => {
    const { emitter, faults } = setUp()
    const after = vi.fn()
    const fault = new Error('listener')
    emitter.on('news', () => {
      throw fault
    })
    emitter.on('news', after)
    expect(() => emitter.emit('news', 'x', 1)).not.toThrow()
    expect(after).toHaveBeenCalledTimes(1)
    expect(faults).toEqual([[fault, 'news']])
  })

  test('one that rejects', async () => {
    const { emitter, faults } = setUp()
    const fault = new Error('async listener')
    emitter.on('news', async () => {
      throw fault
    })
    emitter.emit('news', 'x', 1)
    await Promise.resolve()
    await Promise.resolve()
    expect(faults).toEqual([[fault, 'news']])
  })

  test('one whose thenable throws', () => {
    const { emitter, faults } = setUp()
    emitter.on('news', () => ({
      then() {
        throw new Error('then')
      },
    }))
    emitter.emit('news', 'x', 1)
    expect(faults).toHaveLength(1)
  })
})

describe('once and off', () => {
  test('once hears once', () => {
    const { emitter } = setUp()
    const listener = vi.fn()
    emitter.once('news', listener)
    emitter.emit('news', 'x', 1)
    emitter.emit('news', 'y', 2)
    expect(listener).toHaveBeenCalledExactlyOnceWith('x', 1)
    expect(emitter.listenerCount('news')).toBe(0)
  })

  test('a listener may emit from within once without being called again', () => {
    const { emitter } = setUp()
    const listener = vi.fn(() => emitter.emit('news', 'again', 2))
    emitter.once('news', listener)
    emitter.emit('news', 'x', 1)
    expect(listener).toHaveBeenCalledTimes(1)
  })

  test('off ends on and once, and only for that event', () => {
    const { emitter } = setUp()
    const listener = vi.fn()
    emitter.on('news', listener)
    emitter.once('other', listener)
    emitter.off('news', listener)
    emitter.emit('news', 'x', 1)
    expect(listener).not.toHaveBeenCalled()
    emitter.emit('other')
    expect(listener).toHaveBeenCalledTimes(1)
    emitter.once('news', listener)
    emitter.off('news', listener)
    emitter.emit('news', 'x', 1)
    expect(listener).toHaveBeenCalledTimes(1)
  })

  test('off of a stranger does nothing', () => {
    const { emitter } = setUp()
    emitter.off('news', () => undefined)
    expect(emitter.listenerCount('news')).toBe(0)
  })

  test('off works after the once of the same listener has fired', () => {
    const { emitter } = setUp()
    const listener = vi.fn()
    emitter.on('news', listener)
    emitter.once('news', listener)
    emitter.emit('news', 'x', 1)
    expect(listener).toHaveBeenCalledTimes(2)
    emitter.off('news', listener)
    emitter.emit('news', 'y', 1)
    expect(listener).toHaveBeenCalledTimes(2)
  })

  test('what was heard once is let go of', async () => {
    const { emitter } = setUp()
    const heard = new WeakRef<object>(
      (() => {
        const listener = (): void => undefined
        emitter.once('other', listener)
        emitter.emit('other')
        return listener
      })(),
    )
    const { gc } = globalThis as { gc?: () => void }
    await new Promise((resolve) => setImmediate(resolve))
    gc?.()
    if (gc !== undefined) expect(heard.deref()).toBeUndefined()
  })

  test('a listener may leave, and bring another, while it is called', () => {
    const { emitter } = setUp()
    const late = vi.fn()
    const leaving = vi.fn(() => {
      emitter.off('news', leaving)
      emitter.on('news', late)
    })
    emitter.on('news', leaving)
    emitter.emit('news', 'x', 1)
    emitter.emit('news', 'y', 1)
    expect(leaving).toHaveBeenCalledTimes(1)
    expect(late).toHaveBeenCalledExactlyOnceWith('y', 1)
  })
})

test('callFenced passes faults on and results by', async () => {
  const faults: unknown[] = []
  callFenced(
    () => 1,
    (error) => faults.push(error),
  )
  callFenced(
    () => Promise.reject(new Error('late')),
    (error) => faults.push(error),
  )
  await Promise.resolve()
  await Promise.resolve()
  expect(faults).toEqual([new Error('late')])
})

test.each([
  [Promise.resolve(), true],
  [{ then: () => undefined }, true],
  [{ then: 1 }, false],
  [undefined, false],
  [null, false],
  ['then', false],
])('isThenable(%o) is %s', (value, expected) => expect(isThenable(value)).toBe(expected))
