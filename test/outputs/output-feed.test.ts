import { describe, expect, test } from 'vitest'
import { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'
import type { Gap } from '../../src/domain/gap.ts'
import type { MarketDataPoint } from '../../src/domain/market-data.ts'
import { OutputFeed } from '../../src/outputs/output-feed.ts'
import type { Output, OutputMessage, PublishAnswer } from '../../src/outputs/output.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts'
import fc from '../support/fast-check.ts'
import { asDecimal } from '../support/decimals.ts'

const trade = (id: number, symbol = 'BTC-USDT'): MarketDataPoint => ({
  exchange: 'okx',
  symbol,
  dataType: 'trade',
  timestamp: id,
  receivedAt: id,
  data: { id: String(id), price: asDecimal('1'), size: asDecimal('1'), side: 'buy', backfilled: false },
})

const ticker: MarketDataPoint = {
  ...trade(1),
  dataType: 'ticker',
  data: Object.fromEntries(['last', 'bid'].map((name) => [name, undefined])) as never,
}

const gap: Gap = {
  exchange: 'okx',
  symbol: 'BTC-USDT',
  stream: 'okx trades BTC-USDT',
  fromId: '2',
  toId: '3',
  fromTime: 1,
  toTime: 4,
  missing: 2,
  reason: 'rest-failed',
  filled: false,
  trades: undefined,
  at: 5,
}

interface World {
  readonly clock: VirtualClock
  readonly feed: OutputFeed
  readonly errors: TapekeeperError[]
}

function createWorld(output: Partial<Output>, settings: { maxQueued?: number; seed?: number } = {}): World {
  const clock = createVirtualClock()
  const errors: TapekeeperError[] = []
  const feed = new OutputFeed({
    name: 'okx_BTC-USDT',
    output: { name: 'bus', publish: () => Promise.resolve(), close: () => Promise.resolve(), ...output },
    clock,
    random: seededRandom(settings.seed ?? 1),
    onError: (error) => errors.push(error),
    maxQueued: settings.maxQueued,
  })
  return { clock, feed, errors }
}

const codes = (errors: readonly TapekeeperError[]): readonly string[] => errors.map(({ code }) => code)
const sequences = (messages: readonly OutputMessage[]): readonly number[] => messages.map(({ sequence }) => sequence)
const nothing = JSON.parse('null') as Error
const hang = (): Promise<void> => new Promise(() => undefined)
const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('numbers', () => {
  test('each stream counts for itself; a gap counts in its trades', async () => {
    const seen: OutputMessage[] = []
    const { clock, feed } = createWorld({ publish: async (messages) => void seen.push(...messages) })
    feed.point(trade(1))
    feed.point(trade(1, 'ETH-USDT'))
    feed.gap(gap)
    feed.point(ticker)
    feed.point(trade(4))
    await clock.settle()
    expect(seen.map(({ stream, sequence, payload }) => `${stream} ${sequence} ${payload.type}`)).toEqual([
      'okx:BTC-USDT:trade 1 point',
      'okx:ETH-USDT:trade 1 point',
      'okx:BTC-USDT:trade 2 gap',
      'okx:BTC-USDT:ticker 1 point',
      'okx:BTC-USDT:trade 3 point',
    ])
    expect(new Set(seen.map(({ session }) => session)).size).toBe(1)
  })

  test('what an output does not want has no number', async () => {
    const seen: OutputMessage[] = []
    const { clock, feed } = createWorld({ dataTypes: ['ticker'], publish: async (messages) => void seen.push(...messages) })
    feed.point(trade(1))
    feed.gap(gap)
    feed.point(ticker)
    await clock.settle()
    expect(seen.map(({ stream, sequence }) => [stream, sequence])).toEqual([['okx:BTC-USDT:ticker', 1]])
  })

  test('what one consumer missed is nobody else’s gap', async () => {
    const seen: OutputMessage[] = []
    const { clock, feed } = createWorld({ publish: async (messages) => void seen.push(...messages) })
    feed.gap({ ...gap, reason: 'consumer-too-slow' })
    await clock.settle()
    expect(seen).toEqual([])
  })

  test('sessions sort by their time, and differ within one millisecond', async () => {
    const sessions: string[] = []
    for (const [seed, startAt] of [
      [1, 5],
      [2, 5],
      [3, Date.UTC(2030, 1)],
    ] as const) {
      const publish = async (messages: readonly OutputMessage[]): Promise<void> => void sessions.push(messages[0]!.session)
      const output = { name: 'bus', publish, close: () => Promise.resolve() }
      const clock = createVirtualClock(startAt)
      new OutputFeed({ name: 'x', output, clock, random: seededRandom(seed), onError: () => undefined }).point(trade(1))
      await clock.settle()
    }
    expect(new Set(sessions).size).toBe(3)
    expect(sessions.at(-1)).toBe(sessions.toSorted().at(-1))
  })
})

describe('batches', () => {
  test('what comes together goes together, at once, and never calls the output from the data path', async () => {
    const batches: (readonly number[])[] = []
    const { clock, feed } = createWorld({ publish: async (messages) => void batches.push(sequences(messages)) })
    for (const id of range(1, 3)) feed.point(trade(id))
    expect(batches).toEqual([])
    await clock.settle()
    expect(batches).toEqual([[1, 2, 3]])
    expect(clock.pending).toBe(0)
  })

  test('at most 500 at once, one at a time', async () => {
    const sizes: number[] = []
    let atOnce = 0
    const publish = async (messages: readonly OutputMessage[]): Promise<void> => {
      expect(++atOnce).toBe(1)
      sizes.push(messages.length)
      await Promise.resolve()
      atOnce--
    }
    const { clock, feed } = createWorld({ publish })
    for (const id of range(1, 1_200)) feed.point(trade(id))
    await clock.settle()
    expect(sizes).toEqual([500, 500, 200])
  })
})

describe('away', () => {
  test('the same messages are tried again, the outage is reported once, and its end ends it', async () => {
    const tries: (readonly number[])[] = []
    let isAway = true
    const publish = (messages: readonly OutputMessage[]): Promise<void> => {
      tries.push(sequences(messages))
      return isAway ? Promise.reject(new Error('nobody there')) : Promise.resolve()
    }
    const { clock, feed, errors } = createWorld({ publish })
    feed.point(trade(1))
    await clock.advance(60_000)
    expect(tries.length).toBeGreaterThan(5)
    expect(new Set(tries.map(String))).toEqual(new Set(['1']))
    expect(codes(errors)).toEqual(['OUTPUT_FAILED'])
    expect(errors[0]!.message).toBe('output bus: nothing can be published, it is tried again: nobody there')
    expect(feed.status()).toMatchObject([{ name: 'okx_BTC-USDT > bus', state: 'away', queued: 1, lastError: 'nobody there' }])
    expect(feed.issues()).toEqual(['bus: nothing can be published (nobody there); 1 message waits'])
    isAway = false
    await clock.advance(10_000)
    expect(feed.status()).toMatchObject([{ state: 'working', queued: 0, delivered: 1, lost: 0, awaySince: undefined }])
    expect(feed.issues()).toEqual([])
    isAway = true
    feed.point(trade(2))
    await clock.advance(1_000)
    expect(codes(errors)).toEqual(['OUTPUT_FAILED', 'OUTPUT_FAILED'])
  })

  test.each<readonly [string, () => Promise<void>]>([
    [
      'throws instead of rejecting',
      () => {
        throw new Error('thrown')
      },
    ],
    ['rejects with nothing', () => Promise.reject(nothing)],
    ['rejects with what has no words', () => Promise.reject(Object.create(null) as Error)],
    ['never answers', hang],
    [
      'answers with a thenable that throws',
      () =>
        ({
          then: () => {
            throw new Error('then')
          },
        }) as unknown as Promise<void>,
    ],
  ])('an output that %s is tried again', async (_name, publish) => {
    let calls = 0
    const { clock, feed, errors } = createWorld({
      publish: () => (++calls === 1 ? publish() : Promise.resolve()),
    })
    feed.point(trade(1))
    await clock.advance(45_000)
    expect(calls).toBe(2)
    expect(codes(errors)).toEqual(['OUTPUT_FAILED'])
    expect(feed.status()).toMatchObject([{ delivered: 1, failures: 1 }])
    expect(clock.pending).toBe(0)
  })

  test('when it is full the oldest go: counted, said once per spell, and their numbers are used up', async () => {
    const seen: OutputMessage[] = []
    let isAway = true
    const publish = async (messages: readonly OutputMessage[]): Promise<void> => {
      if (isAway) throw new Error('away')
      seen.push(...messages)
    }
    const { clock, feed, errors } = createWorld({ publish }, { maxQueued: 10 })
    for (const id of range(1, 25)) feed.point(trade(id))
    await clock.settle()
    expect(feed.status()).toMatchObject([{ queued: 10, maxQueued: 10, lost: 15 }])
    expect(feed.issues()).toHaveLength(2)
    isAway = false
    await clock.advance(10_000)
    expect(sequences(seen)).toEqual(range(16, 25))
    expect(codes(errors).toSorted()).toEqual(['OUTPUT_FAILED', 'OUTPUT_OVERFLOW'])
    expect(feed.issues()).toEqual([])
  })
})

describe('a message that can never be published', () => {
  const rejecting = (bad: readonly number[], seen: OutputMessage[]) => async (messages: readonly OutputMessage[]) => {
    if (messages.some(({ sequence }) => bad.includes(sequence))) throw new TapekeeperError('ROW_REJECTED', 'no JSON')
    seen.push(...messages)
  }

  test('is found, reported and left out; the others arrive, without a back-off', async () => {
    const seen: OutputMessage[] = []
    const { clock, feed, errors } = createWorld({ publish: rejecting([123, 124, 400], seen) })
    for (const id of range(1, 500)) feed.point(trade(id))
    await clock.settle()
    expect(sequences(seen)).toEqual(range(1, 500).filter((id) => ![123, 124, 400].includes(id)))
    expect(feed.status()).toMatchObject([{ delivered: 497, rejected: 3, lost: 0, failures: 0, state: 'working' }])
    expect(errors.map(({ code, context }) => [code, context['sequence']])).toEqual([
      ['ROW_REJECTED', 123],
      ['ROW_REJECTED', 400],
    ])
  })

  test('batches grow again afterwards', async () => {
    const sizes: number[] = []
    const seen: OutputMessage[] = []
    const publish = rejecting([1], seen)
    const { clock, feed } = createWorld({ publish: (messages) => publish(messages).then(() => void sizes.push(messages.length)) })
    for (const id of range(1, 3_000)) feed.point(trade(id))
    await clock.settle()
    expect(sequences(seen)).toEqual(range(2, 3_000))
    expect(Math.max(...sizes)).toBe(500)
  })
})

describe('flush and close', () => {
  test('flush waits for what was taken before it, and for nothing else', async () => {
    let release = (): void => undefined
    const publish = (): Promise<void> => new Promise((resolve) => (release = resolve))
    const { clock, feed } = createWorld({ publish })
    let isFlushed = false
    feed.point(trade(1))
    void feed.flush().then(() => (isFlushed = true))
    await clock.settle()
    feed.point(trade(2))
    expect(isFlushed).toBe(false)
    release()
    await clock.settle()
    expect(isFlushed).toBe(true)
    expect(feed.status()).toMatchObject([{ queued: 1 }])
  })

  test('flush of nothing resolves', async () => {
    await createWorld({}).feed.flush()
  })

  test('flush cuts a back-off short', async () => {
    let calls = 0
    const { clock, feed } = createWorld({
      publish: async () => {
        if (++calls < 8) throw new Error('away')
      },
    })
    feed.point(trade(1))
    await clock.settle()
    const before = clock.now()
    for (let i = 0; i < 10; i++) {
      void feed.flush()
      await clock.settle()
    }
    expect([calls, clock.now()]).toEqual([8, before])
  })

  test.each(['a publish that hangs', 'a back-off'])(
    'an aborted close gives up during %s, and leaves no timer',
    async (during) => {
      const { clock, feed, errors } = createWorld({
        publish: during === 'a back-off' ? () => Promise.reject(new Error('away')) : hang,
      })
      for (const id of range(1, 700)) feed.point(trade(id))
      await clock.settle()
      const giveUp = new AbortController()
      const closed = feed.close(giveUp.signal)
      await clock.settle()
      giveUp.abort()
      await closed
      await clock.settle()
      expect(feed.status()).toMatchObject([{ state: 'closed', queued: 0, delivered: 0, lost: 700 }])
      expect(clock.pending).toBe(0)
      expect(errors.at(-1)).toMatchObject({
        code: 'OUTPUT_OVERFLOW',
        message: 'output bus: 700 messages were given up at the end',
      })
      feed.point(trade(9))
      await clock.settle()
      expect(feed.status()).toMatchObject([{ queued: 0, lost: 700 }])
    },
  )

  test('a signal that has aborted already', async () => {
    const { clock, feed } = createWorld({ publish: hang })
    feed.point(trade(1))
    await feed.close(AbortSignal.abort())
    await clock.settle()
    expect(feed.status()).toMatchObject([{ lost: 1 }])
    expect(clock.pending).toBe(0)
  })

  test('after giving up, a feed that goes on publishes what comes then', async () => {
    const seen: OutputMessage[] = []
    let isHanging = true
    const { clock, feed } = createWorld({
      publish: async (messages) => (isHanging ? hang() : void seen.push(...messages)),
    })
    feed.point(trade(1))
    await clock.settle()
    await feed.flush(AbortSignal.abort())
    isHanging = false
    feed.point(trade(2))
    await clock.settle()
    expect(sequences(seen)).toEqual([2])
    expect(feed.status()).toMatchObject([{ lost: 1, delivered: 1 }])
  })
})

test('what is being tried again of a stream that is refused waits, too', async () => {
  let isHanging = false
  const refused = (messages: readonly OutputMessage[]): Promise<PublishAnswer> =>
    isHanging ? hang() : Promise.resolve(messages.map((message) => ({ message, error: new Error('WRONGTYPE') })))
  const { clock, feed } = createWorld({ publish: refused })
  for (const id of range(1, 3)) feed.point(trade(id))
  await clock.settle()
  const told = ['bus: okx:BTC-USDT:trade cannot be published (WRONGTYPE); 3 messages wait']
  expect(feed.issues()).toEqual(told)
  isHanging = true
  await clock.advance(20_000)
  expect(feed.issues()).toEqual(told)
  await feed.close(AbortSignal.abort())
})

type Step =
  | { readonly type: 'points'; readonly count: number; readonly symbol: string }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'mood'; readonly mood: 'well' | 'refuses' | 'half' | 'hangs' | 'throws' | 'late' }
  | { readonly type: 'flush' }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('points' as const),
    count: fc.integer({ min: 1, max: 30 }),
    symbol: fc.constantFrom('BTC-USDT', 'ETH-USDT'),
  }),
  fc.record({ type: fc.constant('advance' as const), ms: fc.constantFrom(0, 20, 500, 40_000) }),
  fc.record({
    type: fc.constant('mood' as const),
    mood: fc.constantFrom(
      'well' as const,
      'refuses' as const,
      'half' as const,
      'hangs' as const,
      'throws' as const,
      'late' as const,
    ),
  }),
  fc.constant({ type: 'flush' as const }),
)

test('whatever the output does: everything taken arrives, in order, or is counted; and every number tells', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { maxLength: 25 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(),
      async (steps, maxQueued, seed) => {
        let mood: (Step & { type: 'mood' })['mood'] = 'well'
        const arrived: OutputMessage[] = []
        const clock = createVirtualClock()
        const publish = (messages: readonly OutputMessage[]): Promise<void> => {
          const isBad = messages.some(isPoison)
          if (isBad) return Promise.reject(new TapekeeperError('ROW_REJECTED', 'poison'))
          if (mood === 'throws') throw new Error('thrown')
          if (mood === 'refuses') return Promise.reject(new Error('refused'))
          arrived.push(...(mood === 'half' ? messages.slice(0, Math.ceil(messages.length / 2)) : messages))
          if (mood === 'half') return Promise.reject(new Error('cut off'))
          if (mood === 'hangs') return hang()
          return mood === 'late' ? new Promise((resolve) => clock.after(700, resolve)) : Promise.resolve()
        }
        const output = { name: 'bus', publish, close: () => Promise.resolve() }
        const feed = new OutputFeed({ name: 'x', output, clock, random: seededRandom(seed), onError: () => undefined, maxQueued })
        let taken = 0
        const perStream = new Map<string, number>()
        for (const step of steps) {
          if (step.type === 'mood') mood = step.mood
          if (step.type === 'advance') await clock.advance(step.ms)
          if (step.type === 'flush') void feed.flush()
          if (step.type !== 'points') continue
          for (let i = 0; i < step.count; i++) feed.point(trade(++taken, step.symbol))
          perStream.set(step.symbol, (perStream.get(step.symbol) ?? 0) + step.count)
          const [status] = feed.status()
          expect(status!.queued).toBeLessThanOrEqual(maxQueued)
          expect(status!.queued + status!.delivered + status!.rejected + status!.lost).toBe(taken)
        }
        mood = 'well'
        const flushed = feed.flush()
        await clock.advance(120_000)
        await flushed
        const [status] = feed.status()
        expect(status).toMatchObject({ queued: 0, state: 'working' })
        expect(status!.delivered + status!.rejected + status!.lost).toBe(taken)
        expect(clock.pending).toBe(0)
        for (const [symbol, count] of perStream) {
          const fresh = takeOnce(arrived.filter(({ stream }) => stream === `okx:${symbol}:trade`))
          expect(sequences(fresh)).toEqual(sequences(fresh).toSorted((a, b) => a - b))
          expect(fresh.every(({ sequence }) => sequence <= count)).toBe(true)
        }
        const once = [...perStream.keys()].flatMap((symbol) => takeOnce(arrived.filter(({ stream }) => stream.includes(symbol))))
        // What was given up may have arrived all the same: never more than what is counted is missing.
        expect(once.length).toBeGreaterThanOrEqual(status!.delivered)
        expect(taken - once.length).toBeLessThanOrEqual(status!.lost + status!.rejected)
      },
    ),
    { numRuns: 150 },
  )
})

const isPoison = ({ payload }: OutputMessage): boolean =>
  payload.type === 'point' && payload.point.dataType === 'trade' && Number(payload.point.data.id) % 17 === 0

/** As a subscriber does: nothing twice, nothing from before. */
function takeOnce(messages: readonly OutputMessage[]): readonly OutputMessage[] {
  let last = 0
  return messages.filter(({ sequence }) => {
    if (sequence <= last) return false
    last = sequence
    return true
  })
}
