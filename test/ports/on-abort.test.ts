import { expect, test, vi } from 'vitest'
import { AbortListener } from '../../src/ports/on-abort.ts'

/** A signal that counts its listeners. */
function counted(): { control: AbortController; listeners: () => number } {
  const control = new AbortController()
  let listeners = 0
  const { signal } = control
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove(...args)
  }
  return { control, listeners: () => listeners }
}

test('a hundred who wait for one signal are one listener, and none when they have left', () => {
  const { control, listeners } = counted()
  const calls: number[] = []
  const all = Array.from({ length: 100 }, (_, n) => new AbortListener(control.signal, () => calls.push(n)))
  for (const one of all) one.listen()
  for (const one of all) one.listen()
  expect(listeners()).toBe(1)
  all[7]?.leave()
  all[7]?.leave()
  control.abort()
  expect(calls).toEqual(Array.from({ length: 100 }, (_, n) => n).filter((n) => n !== 7))
  expect(listeners()).toBe(0)

  const second = counted()
  const some = [1, 2].map(() => new AbortListener(second.control.signal, vi.fn()))
  for (const one of some) one.listen()
  for (const one of some) one.leave()
  expect(second.listeners()).toBe(0)
})

test('one that leaves while the others are told is not told; one that comes then is, at once', () => {
  const { control, listeners } = counted()
  const late = vi.fn()
  const told = vi.fn()
  const second = new AbortListener(control.signal, told)
  const first = new AbortListener(control.signal, () => {
    second.leave()
    new AbortListener(control.signal, late).listen()
  })
  first.listen()
  second.listen()
  control.abort()
  expect([told.mock.calls.length, late.mock.calls.length]).toEqual([0, 1])
  expect(listeners()).toBeLessThanOrEqual(1)
})

test('without a signal there is nothing to hear', () => {
  const listener = new AbortListener(undefined, vi.fn())
  listener.listen()
  listener.leave()
})

test('a signal that has aborted already is heard at once', () => {
  const told = vi.fn()
  const listener = new AbortListener(AbortSignal.abort(), told)
  expect([listener.listen(), told.mock.calls.length]).toEqual([false, 1])
})
