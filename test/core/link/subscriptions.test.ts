import { describe, expect, test } from 'vitest'
import type { Topic } from '../../../src/core/exchange-definition.ts'
import type { Reaction, RejectedFrame } from '../../../src/core/frame.ts'
import { Subscriptions, type Request, type Stray, type TopicChange, type Wire } from '../../../src/core/link/subscriptions.ts'
import fc from '../../support/fast-check.ts'
import { acmeTopic } from '../../support/acme.ts'

const ACK_TIMEOUT_MS = 5_000
const write = (op: string) => (topics: readonly Topic[], id: string) =>
  JSON.stringify({ id, op, topics: topics.map(({ key }) => key) })

function setUp(more: Partial<Wire> = {}): Subscriptions {
  return new Subscriptions({
    subscribe: write('sub'),
    unsubscribe: write('unsub'),
    requestBytes: 10_000,
    ackTimeoutMs: ACK_TIMEOUT_MS,
    retryDelay: (attempts) => 1_000 * 2 ** Math.min(attempts, 6),
    ...more,
  })
}

const [a, b, c] = ['AAA', 'BBB', 'CCC'].map((name) => acmeTopic(name)) as [Topic, Topic, Topic]
const keysOf = (request: Request | undefined): string[] => (request?.topics ?? []).map(({ key }) => key)
const refusal = (reaction: Reaction, more: Partial<RejectedFrame> = {}): RejectedFrame => ({
  kind: 'rejected',
  reaction,
  nativeCode: '1',
  message: 'no',
  requestId: undefined,
  topicKey: undefined,
  ...more,
})

describe('asking', () => {
  test('everything wanted travels in one request; a topic asked for is not asked for again', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.add(b)
    subscriptions.add(a)
    expect(subscriptions.waiting(0)).toBe(true)
    const request = subscriptions.next(0)
    expect(request).toMatchObject({ op: 'subscribe' })
    expect(keysOf(request)).toEqual([a.key, b.key])
    expect(JSON.parse(request!.text)).toEqual({ id: request!.id, op: 'sub', topics: [a.key, b.key] })
    expect(subscriptions.next(0)).toBeUndefined()
    expect(subscriptions.waiting(0)).toBe(false)
    expect(subscriptions.settled).toBe(false)
    expect(subscriptions.acknowledged(a.key)).toEqual({ type: 'confirmed', key: a.key })
    expect(subscriptions.acknowledged(a.key)).toBeUndefined()
    expect(subscriptions.acknowledged('trades.ZZZ')).toBeUndefined()
    subscriptions.acknowledged(b.key)
    expect(subscriptions.settled).toBe(true)
    expect(subscriptions.wakeAt()).toBeUndefined()
  })

  test('no request is longer than allowed, unless a single topic is', () => {
    const subscriptions = setUp({ requestBytes: 120 })
    const topics = Array.from({ length: 60 }, (_, i) => acmeTopic(`ÄÖ${i}`))
    const giant = acmeTopic('X'.repeat(300))
    for (const topic of [...topics, giant]) subscriptions.add(topic)
    const asked: string[] = []
    for (let request = subscriptions.next(0); request !== undefined; request = subscriptions.next(0)) {
      if (request.topics.length > 1) expect(Buffer.byteLength(request.text)).toBeLessThanOrEqual(120)
      asked.push(...keysOf(request))
    }
    expect(asked.sort()).toEqual([...topics, giant].map(({ key }) => key).sort())
  })

  test('requests are filled: there are few more than the bytes need', () => {
    const subscriptions = setUp({ requestBytes: 1_000 })
    for (let i = 0; i < 400; i++) subscriptions.add(acmeTopic(`TOPIC${i}`))
    let [requests, bytes] = [0, 0]
    for (let request = subscriptions.next(0); request !== undefined; request = subscriptions.next(0)) {
      requests++
      bytes += request.text.length
    }
    expect(requests).toBeLessThanOrEqual(Math.ceil((bytes / 1_000) * 1.15))
  })

  test('what was never refused goes first, the search for a culprit after it', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.add(b)
    const { id } = subscriptions.next(0)!
    subscriptions.refused(refusal('reject', { requestId: id }), 0)
    const later = subscriptions.wakeAt()!
    subscriptions.add(c)
    expect(keysOf(subscriptions.next(later))).toEqual([c.key])
    expect(keysOf(subscriptions.next(later))).toEqual([a.key])
    expect(keysOf(subscriptions.next(later))).toEqual([b.key])
  })

  test('a request that was refused without a name is asked again in halves', () => {
    const subscriptions = setUp()
    for (let i = 0; i < 8; i++) subscriptions.add(acmeTopic(`T${i}`))
    const sizes: number[] = []
    let request = subscriptions.next(0)!
    for (;;) {
      sizes.push(request.topics.length)
      if (request.topics.length === 1) break
      subscriptions.refused(refusal('reject', { requestId: request.id }), 0)
      request = subscriptions.next(subscriptions.wakeAt()!)!
    }
    expect(sizes).toEqual([8, 4, 4, 2, 2, 2, 2, 1])
  })
})

describe('leaving', () => {
  test('what was never asked for is just forgotten', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.remove(a.key)
    subscriptions.remove(b.key)
    expect([subscriptions.size, subscriptions.next(0), subscriptions.wakeAt()]).toEqual([0, undefined, undefined])
  })

  test.each(['pending', 'confirmed'] as const)(
    'what is %s is unsubscribed, and still takes room until that is acknowledged',
    (status) => {
      const subscriptions = setUp()
      subscriptions.add(a)
      subscriptions.next(0)
      if (status === 'confirmed') subscriptions.acknowledged(a.key)
      subscriptions.remove(a.key)
      expect(subscriptions.next(0)).toMatchObject({ op: 'unsubscribe', topics: [a] })
      expect(subscriptions.next(0)).toBeUndefined()
      expect(subscriptions.acknowledged(a.key)).toBeUndefined()
      expect(subscriptions.size).toBe(1)
      subscriptions.unsubscribed(a.key)
      expect(subscriptions.size).toBe(0)
    },
  )

  test('an unsubscribe that is never acknowledged is over after the time-out', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.next(0)
    subscriptions.acknowledged(a.key)
    subscriptions.remove(a.key)
    subscriptions.next(0)
    expect(subscriptions.wakeAt()).toBe(ACK_TIMEOUT_MS)
    expect(subscriptions.expire(ACK_TIMEOUT_MS)).toEqual([])
    expect(subscriptions.size).toBe(0)
  })

  test('wanted again while leaving: asked for after the goodbye', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.next(0)
    subscriptions.acknowledged(a.key)
    subscriptions.remove(a.key)
    subscriptions.add(a)
    expect(subscriptions.next(0)).toMatchObject({ op: 'unsubscribe' })
    expect(subscriptions.next(0)).toBeUndefined()
    subscriptions.unsubscribed(a.key)
    expect(subscriptions.next(0)).toMatchObject({ op: 'subscribe', topics: [a] })
  })

  test('and given up again before the goodbye', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.next(0)
    subscriptions.remove(a.key)
    subscriptions.add(a)
    subscriptions.remove(a.key)
    subscriptions.next(0)
    subscriptions.unsubscribed(a.key)
    expect(subscriptions.size).toBe(0)
  })
})

describe('acknowledgements that do not come', () => {
  test('the topic is asked for again after a back-off', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.next(0)
    expect(subscriptions.wakeAt()).toBe(ACK_TIMEOUT_MS)
    expect(subscriptions.expire(ACK_TIMEOUT_MS - 1)).toEqual([])
    expect(subscriptions.status(a.key)).toBe('pending')
    subscriptions.expire(ACK_TIMEOUT_MS)
    expect(subscriptions.status(a.key)).toBe('wanted')
    const again = subscriptions.wakeAt()!
    expect(again).toBe(ACK_TIMEOUT_MS + 1_000)
    expect(subscriptions.next(again - 1)).toBeUndefined()
    expect(keysOf(subscriptions.next(again))).toEqual([a.key])
  })

  test('data proves a subscription whose ack got lost', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.add(b)
    subscriptions.next(0)
    subscriptions.sawData(a.key)
    expect(subscriptions.expire(ACK_TIMEOUT_MS)).toEqual([{ type: 'confirmed', key: a.key }])
    expect(subscriptions.status(a.key)).toBe('confirmed')
    expect(subscriptions.status(b.key)).toBe('wanted')
  })
})

describe('refusals', () => {
  function asked(...topics: Topic[]): [Subscriptions, Request] {
    const subscriptions = setUp()
    for (const topic of topics) subscriptions.add(topic)
    return [subscriptions, subscriptions.next(0)!]
  }

  test('by topic: only that one is lost', () => {
    const [subscriptions, { id }] = asked(a, b)
    const frame = refusal('reject', { topicKey: a.key, requestId: id })
    expect(subscriptions.refused(frame, 0)).toEqual([{ type: 'rejected', key: a.key, frame }])
    expect(subscriptions.status(a.key)).toBeUndefined()
    expect(subscriptions.status(b.key)).toBe('pending')
  })

  test('by request: alone it is lost, in company it is asked for alone', () => {
    const [subscriptions, { id }] = asked(a, b)
    expect(subscriptions.refused(refusal('reject', { requestId: id }), 0)).toEqual([])
    const later = subscriptions.wakeAt()!
    expect(keysOf(subscriptions.next(later))).toEqual([a.key])
    const second = subscriptions.next(later)!
    expect(keysOf(second)).toEqual([b.key])
    const frame = refusal('reject', { requestId: second.id })
    expect(subscriptions.refused(frame, later)).toEqual([{ type: 'rejected', key: b.key, frame }])
    expect(subscriptions.status(a.key)).toBe('pending')
  })

  test('by request, after the culprit has left: the innocent is asked for again, not lost', () => {
    const [subscriptions, { id }] = asked(a, b)
    subscriptions.remove(b.key)
    expect(subscriptions.refused(refusal('reject', { requestId: id }), 0)).toEqual([])
    expect(subscriptions.status(a.key)).toBe('wanted')
  })

  test('nameless: meant for nobody we could know, even if there is only one it can mean', () => {
    const [subscriptions] = asked(a)
    expect(subscriptions.refused(refusal('reject'), 0)).toBe('stray')
    expect(subscriptions.status(a.key)).toBe('pending')
    subscriptions.acknowledged(a.key)
    for (const reaction of ['reject', 'auth', 'retry', 'clock', 'login-needed'] as const) {
      expect(subscriptions.refused(refusal(reaction), 0)).toBe('stray')
      expect(subscriptions.status(a.key)).toBe('confirmed')
    }
    expect(subscriptions.next(0)).toBeUndefined()
  })

  test('nameless and too many requests: a pause for all, and nothing else', () => {
    const [subscriptions] = asked(a)
    subscriptions.add(b)
    expect(subscriptions.refused(refusal('slow-down'), 0)).toBe('stray')
    expect(subscriptions.status(a.key)).toBe('pending')
    expect(subscriptions.next(999)).toBeUndefined()
    expect(keysOf(subscriptions.next(1_000))).toEqual([b.key])
  })

  test('of somebody else: nothing happens', () => {
    const [subscriptions] = asked(a)
    expect(subscriptions.refused(refusal('reject', { topicKey: c.key }), 0)).toBe('stray')
    expect(subscriptions.status(a.key)).toBe('pending')
  })

  test.each(['x', 't2', 't01', 'T1', 'tNaN', '1', '', 't', 'constructor'])(
    'to a request that is not ours (%j): nothing happens, whatever it names',
    (requestId) => {
      const [subscriptions] = asked(a)
      for (const status of ['pending', 'confirmed']) {
        for (const topicKey of [undefined, a.key]) {
          for (const reaction of ['reject', 'auth', 'retry', 'slow-down', 'clock', 'login-needed'] as const) {
            expect(subscriptions.refused(refusal(reaction, { requestId, topicKey }), 0)).toBe('stray')
          }
        }
        if (status === 'pending') expect(subscriptions.acknowledged(a.key, requestId)).toBe('stray')
        expect(subscriptions.unsubscribed(a.key, requestId)).toBe('stray')
        expect(subscriptions.status(a.key)).toBe(status)
        subscriptions.acknowledged(a.key, 't1')
      }
      subscriptions.add(b)
      expect(keysOf(subscriptions.next(0))).toEqual([b.key])
    },
  )

  test('to a request of the connection before: nothing happens', () => {
    const [subscriptions, first] = asked(a)
    subscriptions.acknowledged(a.key, first.id)
    subscriptions.reset()
    const second = subscriptions.next(0)!
    expect(subscriptions.acknowledged(a.key, first.id)).toBe('stray')
    expect(subscriptions.refused(refusal('reject', { requestId: first.id, topicKey: a.key }), 0)).toBe('stray')
    expect(subscriptions.status(a.key)).toBe('pending')
    expect(subscriptions.acknowledged(a.key, second.id)).toEqual({ type: 'confirmed', key: a.key })
  })

  test('to our request, of what it has confirmed already: by its exact topic alone', () => {
    const [subscriptions, { id }] = asked(a, b)
    subscriptions.acknowledged(a.key, id)
    subscriptions.acknowledged(b.key, id)
    expect(subscriptions.refused(refusal('reject', { requestId: id }), 0)).toEqual([])
    expect([subscriptions.status(a.key), subscriptions.status(b.key)]).toEqual(['confirmed', 'confirmed'])
    expect(subscriptions.refused(refusal('reject', { requestId: id, topicKey: a.key }), 0)).toMatchObject([{ key: a.key }])
    expect([subscriptions.status(a.key), subscriptions.status(b.key)]).toEqual([undefined, 'confirmed'])
  })

  test('to our request, about a topic of another one: neither is taken for the culprit', () => {
    const [subscriptions, { id }] = asked(a)
    subscriptions.add(b)
    const other = subscriptions.next(0)!
    subscriptions.acknowledged(b.key, other.id)
    expect(subscriptions.acknowledged(a.key, other.id)).toBeUndefined()
    expect(subscriptions.status(a.key)).toBe('pending')
    // What the request itself asked for is what failed: it stood alone.
    expect(subscriptions.refused(refusal('reject', { requestId: id, topicKey: b.key }), 0)).toMatchObject([{ key: a.key }])
    expect(subscriptions.status(b.key)).toBe('confirmed')
  })

  test('a late answer to an older request about the same topic counts', () => {
    const [subscriptions, first] = asked(a)
    subscriptions.expire(ACK_TIMEOUT_MS)
    const second = subscriptions.next(subscriptions.wakeAt()!)!
    expect(second.id).not.toBe(first.id)
    expect(subscriptions.acknowledged(a.key, first.id)).toEqual({ type: 'confirmed', key: a.key })
    expect(subscriptions.acknowledged(a.key, second.id)).toBeUndefined()
  })

  test('what was never asked for on this connection is neither acknowledged nor refused', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    expect(subscriptions.acknowledged(a.key)).toBeUndefined()
    expect(subscriptions.refused(refusal('reject', { topicKey: a.key }), 0)).toBe('stray')
    expect(keysOf(subscriptions.next(0))).toEqual([a.key])
  })

  test('ignore changes nothing', () => {
    const [subscriptions, { id }] = asked(a)
    expect(subscriptions.refused(refusal('ignore', { requestId: id }), 0)).toEqual([])
    expect(subscriptions.status(a.key)).toBe('pending')
  })

  test.each(['retry', 'clock'] as const)('%s: asked for again, later each time', (reaction) => {
    const [subscriptions, first] = asked(a)
    let request = first
    let now = 0
    const waits: number[] = []
    for (let i = 0; i < 4; i++) {
      subscriptions.refused(refusal(reaction, { requestId: request.id }), now)
      const at = subscriptions.wakeAt()!
      waits.push(at - now)
      now = at
      request = subscriptions.next(now)!
      expect(keysOf(request)).toEqual([a.key])
    }
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000])
  })

  test('slow-down: every request waits, longer each time, until something is acknowledged', () => {
    const [subscriptions, { id }] = asked(a)
    subscriptions.add(b)
    subscriptions.refused(refusal('slow-down', { requestId: id }), 0)
    subscriptions.remove(a.key)
    expect(subscriptions.next(999)).toBeUndefined()
    expect(subscriptions.wakeAt()).toBe(1_000)
    expect(subscriptions.next(1_000)).toBeDefined()
    subscriptions.next(1_000)
    subscriptions.refused(refusal('slow-down'), 1_000)
    expect(subscriptions.next(2_999)).toBeUndefined()
    subscriptions.acknowledged(b.key)
    subscriptions.refused(refusal('slow-down'), 3_000)
    subscriptions.add(c)
    expect(subscriptions.next(3_999)).toBeUndefined()
    expect(subscriptions.next(4_000)).toBeDefined()
  })

  test('a refused goodbye is a goodbye', () => {
    const [subscriptions] = asked(a)
    subscriptions.acknowledged(a.key)
    subscriptions.remove(a.key)
    const request = subscriptions.next(0)!
    expect(subscriptions.refused(refusal('reject', { requestId: request.id }), 0)).toEqual([])
    expect(subscriptions.size).toBe(0)
  })

  test('a goodbye refused for its frequency is said again', () => {
    const [subscriptions] = asked(a)
    subscriptions.acknowledged(a.key)
    subscriptions.remove(a.key)
    const { id } = subscriptions.next(0)!
    subscriptions.refused(refusal('slow-down', { requestId: id }), 0)
    expect(subscriptions.next(999)).toBeUndefined()
    expect(subscriptions.next(1_000)).toMatchObject({ op: 'unsubscribe', topics: [a] })
  })

  test.each([0, 1, 17, 120, 238, 239])(
    'one bad topic in 240, number %i, costs only itself within O(log n) requests',
    (position) => {
      const subscriptions = setUp({ requestBytes: 1_000_000 })
      const topics = Array.from({ length: 240 }, (_, i) => acmeTopic(`T${i}`))
      const bad = topics[position]!.key
      for (const topic of topics) subscriptions.add(topic)
      const confirmed: string[] = []
      const rejected: string[] = []
      let requests = 0
      let now = 0
      const hear = (changes: Stray | readonly (TopicChange | Stray | undefined)[]): void => {
        expect(changes).not.toContain('stray')
        for (const change of changes)
          if (typeof change === 'object') (change.type === 'confirmed' ? confirmed : rejected).push(change.key)
      }
      while (!subscriptions.settled) {
        const request = subscriptions.next(now)
        if (request === undefined) {
          now = subscriptions.wakeAt()!
          continue
        }
        requests++
        // Nothing in the answer says which.
        if (keysOf(request).includes(bad)) hear(subscriptions.refused(refusal('reject', { requestId: request.id }), now))
        else hear(keysOf(request).map((key) => subscriptions.acknowledged(key)))
      }
      expect(rejected).toEqual([bad])
      expect(confirmed).toHaveLength(239)
      expect(requests).toBeLessThanOrEqual(1 + 2 * Math.ceil(Math.log2(240)))
      expect(now).toBeLessThan(ACK_TIMEOUT_MS)
    },
  )
})

describe('a new connection', () => {
  test('asks for everything again, and for nothing that was given up', () => {
    const subscriptions = setUp()
    for (const topic of [a, b, c]) subscriptions.add(topic)
    subscriptions.next(0)
    subscriptions.acknowledged(a.key)
    subscriptions.remove(b.key)
    subscriptions.refused(refusal('slow-down', { topicKey: c.key }), 0)
    subscriptions.reset()
    expect(keysOf(subscriptions.next(0))).toEqual([a.key, c.key])
    expect(subscriptions.keys()).toEqual([a.key, c.key])
  })

  test('a topic wanted again while leaving is wanted', () => {
    const subscriptions = setUp()
    subscriptions.add(a)
    subscriptions.next(0)
    subscriptions.remove(a.key)
    subscriptions.next(0)
    subscriptions.add(a)
    subscriptions.reset()
    expect(keysOf(subscriptions.next(0))).toEqual([a.key])
  })
})

describe('against a model server', () => {
  const NAMES = ['A', 'B', 'C', 'D', 'E', 'F']
  const REQUEST_BYTES = 70
  type Mood = 'honest' | 'mute' | 'retry' | 'slow-down'
  const command = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), name: fc.constantFrom(...NAMES) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name: fc.constantFrom(...NAMES) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('pump' as const),
        mood: fc.constantFrom<Mood>('honest', 'honest', 'mute', 'retry', 'slow-down'),
      }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('answer' as const), lost: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 8_000 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const) }) },
  )

  class Model {
    readonly subscriptions = setUp({ requestBytes: REQUEST_BYTES })
    now = 0
    readonly wanted = new Set<string>()
    readonly confirmed = new Set<string>()
    readonly server = new Set<string>()
    /** Answers on their way, oldest first. */
    answers: (() => Stray | readonly (TopicChange | Stray | undefined)[])[] = []
    readonly bad: ReadonlySet<string>
    readonly namesCulprit: boolean

    constructor(bad: readonly string[], namesCulprit: boolean) {
      this.bad = new Set(bad.map((name) => acmeTopic(name).key))
      this.namesCulprit = namesCulprit
    }

    add(name: string): void {
      const topic = acmeTopic(name)
      this.wanted.add(topic.key)
      this.subscriptions.add(topic)
    }

    remove(name: string): void {
      const { key } = acmeTopic(name)
      this.wanted.delete(key)
      this.confirmed.delete(key)
      this.subscriptions.remove(key)
    }

    hear(changes: Stray | readonly (TopicChange | Stray | undefined)[]): void {
      // Each answers a request of this connection, by its id.
      expect(changes).not.toContain('stray')
      for (const change of changes) {
        if (typeof change !== 'object') continue
        expect(this.wanted).toContain(change.key)
        if (change.type === 'confirmed') {
          expect(this.server).toContain(change.key)
          this.confirmed.add(change.key)
        } else if (change.type === 'delayed') {
          this.confirmed.delete(change.key)
        } else {
          expect(this.bad).toContain(change.key)
          this.wanted.delete(change.key)
          this.confirmed.delete(change.key)
        }
      }
    }

    pump(mood: Mood): boolean {
      this.hear(this.subscriptions.expire(this.now))
      const before = new Map(this.subscriptions.keys().map((key) => [key, this.subscriptions.status(key)]))
      const request = this.subscriptions.next(this.now)
      if (request === undefined) return false
      const keys = keysOf(request)
      expect(keys.length).toBeGreaterThan(0)
      expect(new Set(keys).size).toBe(keys.length)
      if (keys.length > 1) expect(Buffer.byteLength(request.text)).toBeLessThanOrEqual(REQUEST_BYTES)
      // A topic that is pending is not asked for again; only what is leaving is unsubscribed.
      for (const key of keys) expect(before.get(key)).toBe(request.op === 'subscribe' ? 'wanted' : 'leaving')
      if (request.op === 'unsubscribe') {
        if (mood === 'slow-down') {
          // Told at once: were this answer lost, nobody could know that the server goes on.
          this.subscriptions.refused(refusal('slow-down', { requestId: request.id }), this.now)
          return true
        }
        for (const key of keys) this.server.delete(key)
        if (mood !== 'mute') {
          for (const key of keys) {
            this.answers.push(() => {
              this.subscriptions.unsubscribed(key, request.id)
              return []
            })
          }
        }
        return true
      }
      for (const key of keys) expect(this.wanted).toContain(key)
      const refuse = (reaction: Reaction, topicKey?: string): void => {
        const frame = refusal(reaction, { requestId: request.id, topicKey })
        this.answers.push(() => this.subscriptions.refused(frame, this.now))
      }
      if (mood === 'retry' || mood === 'slow-down') {
        refuse(mood)
        return true
      }
      const culprits = keys.filter((key) => this.bad.has(key))
      if (culprits.length > 0 && !this.namesCulprit) {
        if (mood === 'honest') refuse('reject')
        return true
      }
      for (const key of keys) {
        if (!culprits.includes(key)) this.server.add(key)
        if (mood !== 'honest') continue
        if (culprits.includes(key)) refuse('reject', key)
        else this.answers.push(() => [this.subscriptions.acknowledged(key, request.id)])
      }
      return true
    }

    answer(lost: boolean): void {
      const answer = this.answers.shift()
      if (answer !== undefined && !lost) this.hear(answer())
    }

    reset(): void {
      this.server.clear()
      this.confirmed.clear()
      this.answers = []
      this.subscriptions.reset()
    }

    /** An honest server from now on: runs until there is nothing left to do. */
    finish(): void {
      for (let round = 0; round < 2_000; round++) {
        while (this.answers.length > 0) this.answer(false)
        if (this.pump('honest')) continue
        const at = this.subscriptions.wakeAt()
        if (at === undefined) return
        // Time never stands still with something due: that would be a busy loop.
        expect(at).toBeGreaterThan(this.now)
        this.now = at
      }
      expect.unreachable('never comes to rest')
    }
  }

  test('everything wanted is confirmed or rejected in the end, and the server has nothing else', () => {
    fc.assert(
      fc.property(
        fc.subarray(NAMES),
        fc.boolean(),
        fc.array(command, { maxLength: 60, size: 'max' }),
        (bad, namesCulprit, commands) => {
          const model = new Model(bad.slice(0, 2), namesCulprit)
          for (const each of commands) {
            if (each.do === 'add') model.add(each.name)
            else if (each.do === 'remove') model.remove(each.name)
            else if (each.do === 'pump') model.pump(each.mood)
            else if (each.do === 'answer') model.answer(each.lost)
            else if (each.do === 'reset') model.reset()
            else {
              // What is still on its way after that long is lost; the line keeps its order.
              if (each.ms >= ACK_TIMEOUT_MS) model.answers = []
              model.now += each.ms
            }
          }
          model.finish()
          const good = [...model.wanted].filter((key) => !model.bad.has(key)).sort()
          expect([...model.wanted].sort()).toEqual(good)
          expect([...model.confirmed].sort()).toEqual(good)
          expect([...model.server].sort()).toEqual(good)
          expect(model.subscriptions.size).toBe(good.length)
          expect(model.subscriptions.settled).toBe(true)
        },
      ),
      { seed: 12, numRuns: 800 },
    )
  })
})
