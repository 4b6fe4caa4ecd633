import { describe, expect, test } from 'vitest'
import { Counters } from '../../../src/core/collector/counters.ts'
import { assessErrorRate, ErrorRate, type ErrorCounts } from '../../../src/core/collector/error-rate.ts'
import fc from '../../support/fast-check.ts'

const NONE: ErrorCounts = { messages: 0, errors: 0, delivered: 0 }

test.each<[string, ErrorCounts, 'error-rate' | 'own' | undefined]>([
  ['nothing at all', NONE, undefined],
  ['nine are a handful', { messages: 9, errors: 9, delivered: 0 }, undefined],
  ['ten of ten', { messages: 10, errors: 10, delivered: 0 }, 'error-rate'],
  ['ten of a hundred: a tenth is worth naming', { messages: 100, errors: 10, delivered: 90 }, 'own'],
  ['ten of a hundred and one are not', { messages: 101, errors: 10, delivered: 91 }, undefined],
  ['half of them: named, no more', { messages: 100, errors: 50, delivered: 50 }, 'own'],
  ['next to nothing of use', { messages: 100, errors: 99, delivered: 1 }, 'error-rate'],
  ['one point for ten errors is something', { messages: 100, errors: 50, delivered: 5 }, 'own'],
  ['bad rows: more errors than messages', { messages: 1, errors: 40, delivered: 0 }, 'error-rate'],
])('%s', (_name, now, issue) => expect(assessErrorRate(NONE, now)?.issue).toBe(issue))

test('says how many of how many', () => {
  expect(assessErrorRate(NONE, { messages: 30, errors: 12, delivered: 18 })?.text).toBe('12 of 30 messages could not be read')
  expect(assessErrorRate(NONE, { messages: 1, errors: 12, delivered: 0 })?.text).toBe('12 of 12 messages could not be read')
})

test('only the difference between two looks counts', () => {
  const counts = fc.record({ messages: fc.nat(1_000), errors: fc.nat(1_000), delivered: fc.nat(1_000) })
  fc.assert(
    fc.property(counts, counts, (before, more) => {
      const now = {
        messages: before.messages + more.messages,
        errors: before.errors + more.errors,
        delivered: before.delivered + more.delivered,
      }
      expect(assessErrorRate(before, now)).toEqual(assessErrorRate(NONE, more))
    }),
    { seed: 5, numRuns: 300 },
  )
})

describe('from one check to the next', () => {
  const bad = (counters: Counters, count: number): void => {
    for (let i = 0; i < count; i++) {
      counters.messageReceived(0)
      counters.failed('FRAME_INVALID')
    }
  }

  test('a finding stands until the next check, and no longer', () => {
    const counters = new Counters()
    const rate = new ErrorRate(counters)
    bad(counters, 20)
    expect(rate.finding).toBeUndefined()
    rate.check()
    expect(rate.finding?.issue).toBe('error-rate')
    rate.check()
    expect(rate.finding).toBeUndefined()
  })

  test('a new run does not answer for the one before', () => {
    const counters = new Counters()
    const rate = new ErrorRate(counters)
    bad(counters, 20)
    rate.check()
    bad(counters, 20)
    rate.reset()
    expect(rate.finding).toBeUndefined()
    rate.check()
    expect(rate.finding).toBeUndefined()
  })

  test('other errors are no share of the messages', () => {
    const counters = new Counters()
    const rate = new ErrorRate(counters)
    for (let i = 0; i < 50; i++) counters.failed('SOCKET_LOST')
    rate.check()
    expect(rate.finding).toBeUndefined()
  })
})
