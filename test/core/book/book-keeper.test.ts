import { describe, expect, test } from 'vitest'
import { BookKeeper, type BookKeeperOptions } from '../../../src/core/book/book-keeper.ts'
import type { PointOf } from '../../../src/domain/market-data.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { bookFrame, levels, type FrameParts } from './support.ts'

const MINUTE = 60_000

/** A keeper, and what it did, in order. Jitter is at its widest. */
function world(options: Partial<BookKeeperOptions> = {}) {
  const clock = createVirtualClock(1_000_000)
  const log: string[] = []
  const emitted: PointOf<'orderbook'>[] = []
  const answers: { resolve: (point: PointOf<'orderbook'>) => void; reject: (error: Error) => void; signal: AbortSignal }[] = []
  const keeper = new BookKeeper(
    { symbol: 'BTC-USDT', clock, random: () => 1, updates: true, ...options },
    {
      emit: (point) => {
        emitted.push(point)
        log.push(`${point.data.kind} ${point.data.sequence}`)
      },
      onState: ({ state, reason }) => log.push(`${state}: ${reason}`),
      resubscribe: () => log.push('resubscribe'),
      reconnect: () => log.push('reconnect'),
      fetchSnapshot: (signal) =>
        new Promise((resolve, reject) => {
          log.push('fetch')
          answers.push({ resolve, reject, signal })
        }),
    },
  )
  const send = (parts: FrameParts): void => keeper.onFrame(bookFrame({ at: clock.now(), ...parts }))
  const snapshot = (sequence: number, bid = '10:1', ask = '11:1'): void =>
    send({ kind: 'snapshot', sequence, bids: levels(bid), asks: levels(ask) })
  const update = (previousSequence: number, sequence: number, ...bids: string[]): void =>
    send({ previousSequence, sequence, bids: levels(...bids) })
  const rest = async (sequence: number, at = clock.now()): Promise<void> => {
    answers.at(-1)?.resolve(bookFrame({ kind: 'snapshot', sequence, at, bids: levels('10:1'), asks: levels('11:1') }))
    await clock.settle()
  }
  /** What happened since the last time it was asked. */
  const news = (): string[] => log.splice(0)
  return { clock, keeper, emitted, answers, send, snapshot, update, rest, news }
}

test('a snapshot makes it valid, updates amend it, a gap ends it, and only a snapshot begins it again', () => {
  const { keeper, snapshot, update, news } = world()
  keeper.onConfirmed()
  snapshot(5)
  update(5, 8, '10:0', '9:3')
  expect(news()).toEqual(['valid: snapshot', 'snapshot 5', 'update 8'])
  expect(keeper.book).toMatchObject({ isValid: true, sequence: 8, bestBid: levels('9:3')[0] })
  update(9, 12)
  expect(keeper.book.isValid).toBe(false)
  update(12, 13)
  expect(news()).toEqual(['invalid: gap', 'resubscribe'])
  snapshot(20)
  expect(news()).toEqual(['valid: snapshot', 'snapshot 20'])
  expect(keeper.resyncs).toBe(1)
})

describe('what is emitted', () => {
  test('updates as they came; snapshots whole, so that updates may be put on top of them', () => {
    const { emitted, keeper, send } = world({ depth: 1, snapshotIntervalMs: 0 })
    send({ kind: 'snapshot', sequence: 1, bids: levels('10:1', '9:1'), asks: levels('11:1') })
    const change = bookFrame({ previousSequence: 1, sequence: 2, bids: levels('8:1'), at: 2_000 })
    keeper.onFrame(change)
    expect(emitted[1]).toBe(change)
    expect(emitted.map(({ data }) => data.bids.length)).toEqual([2, 1, 3])
    expect(emitted[2]).toMatchObject({ exchange: 'okx', symbol: 'BTC-USDT', timestamp: 2_000, receivedAt: 2_000 })
  })

  test('without updates: trimmed snapshots, one in an interval, whatever the wall clock does meanwhile', async () => {
    const { clock, emitted, keeper, send } = world({ updates: false, depth: 1, snapshotIntervalMs: 1_000 })
    send({ kind: 'snapshot', sequence: 0, bids: levels('10:1', '9:1'), asks: levels('11:1') })
    for (const [sequence, afterMs, stepMs] of [
      [1, 500, 0],
      [2, 499, 3_600_000],
      [3, 1, 0],
      [4, 500, -7_200_000],
      [5, 1_500, 0],
      [6, 500, 0],
    ] as const) {
      clock.stepWall(stepMs)
      await clock.advance(afterMs)
      send({ previousSequence: sequence - 1, sequence })
    }
    expect(emitted.map(({ data }) => data.sequence)).toEqual([0, 3, 5])
    expect(emitted.every(({ data }) => data.kind === 'snapshot' && data.bids.length === 1)).toBe(true)
    expect(keeper.book.depth('bids')).toBe(2)
  })

  test('without updates and interval: only what follows a synchronisation', () => {
    const { keeper, snapshot, update, news } = world({ updates: false })
    snapshot(1)
    update(1, 2)
    keeper.onLost()
    snapshot(7)
    expect(news()).toEqual(['valid: snapshot', 'snapshot 1', 'invalid: connection-lost', 'valid: snapshot', 'snapshot 7'])
  })
})

describe('crossed books', () => {
  test('an update that crosses is as good as a gap, and is not passed on', () => {
    const { snapshot, update, news } = world()
    snapshot(1)
    update(1, 2, '11:1')
    expect(news()).toEqual(['valid: snapshot', 'snapshot 1', 'invalid: crossed', 'resubscribe'])
  })

  test('a crossed snapshot is an auction, until it is over', () => {
    const { snapshot, update, news } = world()
    snapshot(1, '12:1')
    update(1, 2, '13:1')
    update(2, 3, '13:0', '12:0', '10:1')
    update(3, 4, '12:1')
    expect(news()).toEqual(['valid: snapshot', 'snapshot 1', 'update 2', 'update 3', 'invalid: crossed', 'resubscribe'])
  })
})

describe('a snapshot that does not come', () => {
  test('is asked for again, ever more rarely, and by a new connection after 5, 10, 20 failures', async () => {
    const { clock, snapshot, update, keeper, news } = world()
    snapshot(1)
    update(2, 3)
    news()
    const times: [number, string][] = []
    for (const start = clock.now(); clock.now() - start < 60 * MINUTE;) {
      await clock.advance(500)
      for (const what of news()) times.push([(clock.now() - start) / 1_000, what])
    }
    // 10 s without a snapshot, then 75 s in case the exchange sends none; and 1, 2, 4, … 60 s before the next attempt.
    expect(times.slice(0, 5)).toEqual([
      [11, 'resubscribe'],
      [23, 'resubscribe'],
      [102, 'resubscribe'],
      [185, 'reconnect'],
      [276, 'resubscribe'],
    ])
    expect(times.flatMap(([, what], at) => (what === 'reconnect' ? [at + 2] : []))).toEqual([5, 10, 20])
    // Of 480 requests per hour.
    expect(2 * (times.length + 1)).toBeLessThan(80)
    expect(keeper.resyncs).toBe(times.length + 1)
  })

  test('a minute of validity ends the story; less does not', async () => {
    const { clock, snapshot, update, news } = world()
    const breakIt = (): string[] => {
      news()
      update(-5, -4)
      return news()
    }
    snapshot(1)
    expect(breakIt()).toEqual(['invalid: gap', 'resubscribe'])
    snapshot(1)
    await clock.advance(MINUTE - 1)
    expect(breakIt()).toEqual(['invalid: gap'])
    await clock.advance(1_000)
    expect(news()).toEqual(['resubscribe'])
    snapshot(1)
    await clock.advance(MINUTE)
    expect(breakIt()).toEqual(['invalid: gap', 'resubscribe'])
  })

  test.each([-10 * MINUTE, 10 * MINUTE, -365 * 24 * 60 * MINUTE])(
    'a wall clock stepped by %i ms is no minute of validity, and ends none',
    async (step) => {
      const { clock, snapshot, update, news } = world()
      snapshot(1)
      update(2, 3)
      snapshot(1)
      clock.stepWall(step)
      await clock.advance(MINUTE - 1)
      news()
      update(2, 3)
      expect(news()).toEqual(['invalid: gap'])
      clock.stepWall(-step)
      await clock.advance(1_000)
      expect(news()).toEqual(['resubscribe'])
      snapshot(1)
      clock.stepWall(step)
      await clock.advance(MINUTE)
      news()
      update(2, 3)
      expect(news()).toEqual(['invalid: gap', 'resubscribe'])
    },
  )

  test('while updates do come: this exchange sends none, so the book is fetched', async () => {
    const { clock, keeper, snapshot, update, rest, news } = world()
    snapshot(1)
    update(2, 3)
    update(3, 4)
    keeper.onConfirmed()
    await clock.advance(5_000)
    update(4, 5)
    await clock.advance(5_000)
    update(5, 6)
    update(6, 7)
    await rest(7)
    expect(news()).toEqual([
      'valid: snapshot',
      'snapshot 1',
      'invalid: gap',
      'resubscribe',
      'fetch',
      'valid: rest-snapshot',
      'snapshot 7',
    ])
  })

  test('and then silence: it gets as long as a quiet book without snapshots may be silent', async () => {
    const { clock, keeper, snapshot, update, news } = world()
    snapshot(1)
    update(2, 3)
    update(3, 4)
    keeper.onConfirmed()
    update(4, 5)
    await clock.advance(10_000)
    news()
    await clock.advance(74_999)
    expect(news()).toEqual([])
    await clock.advance(1_001)
    expect(news()).toEqual(['resubscribe'])
  })

  test('after a first confirmation, too', async () => {
    const { clock, keeper, news } = world()
    keeper.onConfirmed()
    await clock.advance(9_999)
    expect(news()).toEqual([])
    await clock.advance(1)
    expect(news()).toEqual(['resubscribe'])
  })
})

describe('once numbered, always numbered', () => {
  test.each<readonly [string, FrameParts]>([
    ['without prevSeqId', { sequence: 3 }],
    ['without seqId', { previousSequence: 2 }],
    ['without both', {}],
  ])('an update %s may follow a lost one', async (_name, parts) => {
    const { clock, keeper, send, snapshot, update, news } = world()
    snapshot(1)
    update(1, 2)
    send({ ...parts, bids: levels('9:1') })
    expect(news().slice(2)).toEqual(['update 2', 'invalid: gap', 'resubscribe'])
    expect(keeper.book).toMatchObject({ isValid: false, sequence: 2 })
    // Nor is the next subscription believed without numbers, nor the one after a lost connection; and it is not asked for in a hurry.
    send({ kind: 'snapshot', bids: levels('9:1') })
    send({ bids: levels('9:2') })
    expect(news()).toEqual(['valid: snapshot', 'snapshot undefined', 'invalid: gap'])
    await clock.advance(1_000)
    expect(news()).toEqual(['resubscribe'])
    keeper.onLost()
    send({ kind: 'snapshot', bids: levels('9:1') })
    send({ bids: levels('9:2') })
    expect(news()).toEqual(['valid: snapshot', 'snapshot undefined', 'invalid: gap'])
    await clock.advance(2_000)
    snapshot(7)
    update(7, 8)
    expect(news()).toEqual(['resubscribe', 'valid: snapshot', 'snapshot 7', 'update 8'])
  })

  test('a stream that never was, as in recordings of 2022, is kept as it comes', () => {
    const { send, news } = world()
    send({ kind: 'snapshot', bids: levels('9:1') })
    send({ bids: levels('9:2') })
    send({ bids: levels('9:3') })
    expect(news()).toEqual(['valid: snapshot', 'snapshot undefined', 'update undefined', 'update undefined'])
  })

  test('what was fetched over REST has numbers, too', async () => {
    const { send, update, rest, news } = world()
    update(1, 2)
    update(2, 3)
    await rest(3)
    send({ kind: 'snapshot', bids: levels('9:1') })
    send({ bids: levels('9:2') })
    expect(news().slice(-2)).toEqual(['invalid: gap', 'resubscribe'])
  })
})

describe('deep books', () => {
  const ladder = (from: number, count: number, size = '1'): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${from - index}:${size}`)

  test('what the exchange tells of is kept, however deep', () => {
    const { keeper, send } = world()
    send({ kind: 'snapshot', sequence: 1, bids: levels(...ladder(10_000, 1_050)), asks: levels('10001:1') })
    send({ previousSequence: 1, sequence: 2, bids: levels(...ladder(10_000, 300, '0'), '8950:1', '8949:1') })
    expect(keeper.book.depth('bids')).toBe(752)
    expect(keeper.book).toMatchObject({ isValid: true, bestBid: levels('9700:1')[0] })
    expect(keeper.book.isWhole('bids')).toBe(true)
  })

  test.each(['bids', 'asks'] as const)(
    'of %s too deep to keep, the best are vouched for, and when half of those have gone it is asked for anew',
    (side) => {
      const { keeper, send, news } = world({ maxLevels: 100 })
      const other = side === 'bids' ? { asks: levels('100000:1') } : { bids: levels('1:1') }
      // Levels 1,000 (the best) to 601, mirrored for asks.
      const at = (price: number): number => (side === 'bids' ? price : 3_000 - price)
      const pairs = (from: number, count: number, size: string): string[] =>
        Array.from({ length: count }, (_, index) => `${at(from - index)}:${size}`)
      const remove = (sequence: number, from: number, count: number): void =>
        send({ previousSequence: sequence - 1, sequence, [side]: levels(...pairs(from, count, '0')) })
      send({ kind: 'snapshot', sequence: 1, ...other, [side]: levels(...pairs(1_000, 400, '1')) })
      expect([keeper.book.depth(side), keeper.book.isWhole('bids'), keeper.book.isWhole('asks')]).toEqual([
        ...[100, side !== 'bids', side !== 'asks'],
      ])
      remove(2, 1_000, 50)
      send({ previousSequence: 2, sequence: 3, [side]: levels(`${at(700)}:5`, `${at(950)}:2`) })
      expect([keeper.book.isValid, keeper.book.depth(side)]).toEqual([true, 50])
      expect([...keeper.book.levels(side)].at(-1)).toEqual(levels(`${at(901)}:1`)[0])
      news()
      remove(4, 950, 1)
      expect(news()).toEqual(['invalid: too-shallow', 'resubscribe'])
      send({ kind: 'snapshot', sequence: 5, ...other, [side]: levels(...pairs(949, 350, '1')) })
      expect(keeper.book.depth(side)).toBe(100)
      expect(news()).toEqual(['valid: snapshot', 'snapshot 5'])
    },
  )
})

describe('an exchange that sends no snapshot', () => {
  test('what was held is put on top of the one fetched; one snapshot tells the result', async () => {
    const { keeper, update, rest, news } = world()
    update(1, 2, '10:7')
    update(2, 3, '10:8')
    update(3, 4, '10:9')
    expect(news()).toEqual(['fetch'])
    await rest(3)
    expect(news()).toEqual(['valid: rest-snapshot', 'snapshot 4'])
    expect(keeper.book.bestBid).toEqual(levels('10:9')[0])
    update(4, 6)
    update(7, 8)
    update(8, 9)
    // It is known by now that none will be sent, so the next subscription begins the same way.
    expect(news()).toEqual(['update 6', 'invalid: gap', 'resubscribe'])
    update(9, 10)
    expect(news()).toEqual(['fetch'])
    await rest(10)
    expect(news()).toEqual(['valid: rest-snapshot', 'snapshot 10'])
  })

  test('an old answer, then failures, then the right one', async () => {
    const { clock, update, rest, answers, news } = world()
    update(1, 5)
    update(5, 6)
    await rest(4)
    await clock.advance(250)
    answers.at(-1)!.reject(new Error('503'))
    await clock.advance(500)
    answers.at(-1)!.reject(new Error('503'))
    await clock.advance(999)
    expect(news()).toEqual(['fetch', 'fetch', 'fetch'])
    await clock.advance(1)
    await rest(5)
    expect(news()).toEqual(['fetch', 'valid: rest-snapshot', 'snapshot 6'])
  })

  test('answers that stay too old: begin again from what arrives', async () => {
    const { clock, update, rest, news } = world()
    update(1, 50)
    update(50, 51)
    for (let attempt = 0; attempt <= 10; attempt++) {
      await rest(4)
      await clock.advance(10_000)
    }
    expect(news()).toHaveLength(11)
    update(3, 4)
    update(4, 5)
    await rest(5)
    expect(news()).toEqual(['fetch', 'valid: rest-snapshot', 'snapshot 5'])
  })

  test('updates that do not reach the snapshot', async () => {
    const { update, rest, news } = world()
    update(1, 2)
    update(2, 3)
    update(5, 6)
    await rest(3)
    expect(news()).toEqual(['fetch', 'resubscribe'])
  })

  test('a snapshot of before a new numbering is found out by its time', async () => {
    const { clock, update, rest, news } = world()
    update(1, 2)
    update(2, 3)
    await rest(900, clock.now() - 40)
    expect(news()).toEqual(['fetch', 'resubscribe'])
  })

  test('a bounded number is held; the newest stay', async () => {
    const { update, rest, news } = world()
    for (let sequence = 1; sequence <= 3_000; sequence++) update(sequence - 1, sequence)
    await rest(2_500)
    expect(news()).toEqual(['fetch', 'valid: rest-snapshot', 'snapshot 3000'])
    const late = world()
    for (let sequence = 1; sequence <= 3_000; sequence++) late.update(sequence - 1, sequence)
    await late.rest(1_500)
    expect(late.news()).toEqual(['fetch', 'resubscribe'])
  })

  test('a snapshot after all ends the fetching', async () => {
    const { update, snapshot, answers, rest, news } = world()
    update(1, 2)
    update(2, 3)
    snapshot(9)
    expect(answers[0]!.signal.aborted).toBe(true)
    await rest(4)
    expect(news()).toEqual(['fetch', 'valid: snapshot', 'snapshot 9'])
  })

  test('quiet books say something once a minute: that long nothing is asked for', async () => {
    const { clock, keeper, update, rest, news } = world()
    keeper.onConfirmed()
    await clock.advance(5_000)
    update(7, 7)
    await clock.advance(MINUTE)
    update(7, 7)
    await rest(7)
    expect(news()).toEqual(['fetch', 'valid: rest-snapshot', 'snapshot 7'])
  })
})

describe('connections', () => {
  test('a lost one makes it invalid; nothing is asked for until the link is back', async () => {
    const { clock, keeper, snapshot, update, news } = world()
    snapshot(1)
    keeper.onLost()
    keeper.onLost()
    await clock.advance(10 * MINUTE)
    expect(news()).toEqual(['valid: snapshot', 'snapshot 1', 'invalid: connection-lost'])
    keeper.onConfirmed()
    snapshot(5)
    update(5, 6)
    await clock.advance(10 * MINUTE)
    expect(news()).toEqual(['valid: snapshot', 'snapshot 5', 'update 6'])
  })

  test('one that is lost during a back-off ends it', async () => {
    const { clock, keeper, snapshot, update, news } = world()
    snapshot(1)
    update(3, 4)
    snapshot(5)
    update(6, 7)
    keeper.onConfirmed()
    keeper.onLost()
    await clock.advance(10 * MINUTE)
    expect(news().filter((what) => what === 'resubscribe')).toHaveLength(1)
  })

  test('an unreadable frame costs a valid book its validity', () => {
    const { keeper, snapshot, news } = world()
    keeper.onBadFrame(1)
    snapshot(1)
    keeper.onBadFrame(2)
    expect(news()).toEqual(['valid: snapshot', 'snapshot 1', 'invalid: bad-frame', 'resubscribe'])
  })
})

describe('stop', () => {
  test.each<readonly [string, (own: ReturnType<typeof world>) => void]>([
    ['valid', ({ snapshot }) => snapshot(1)],
    ['waiting for a snapshot', ({ keeper }) => keeper.onConfirmed()],
    [
      'backing off',
      ({ snapshot, update }) => {
        snapshot(1)
        update(3, 4)
        snapshot(1)
        update(3, 4)
      },
    ],
    [
      'fetching',
      ({ update }) => {
        update(1, 2)
        update(2, 3)
      },
    ],
    ['stopped', ({ keeper }) => keeper.stop()],
  ])('while %s: no timer is left, and nothing happens any more', async (_name, prepare) => {
    const own = world()
    prepare(own)
    own.keeper.stop()
    expect(own.clock.pending).toBe(0)
    expect(own.answers.every(({ signal }) => signal.aborted)).toBe(true)
    expect(own.keeper.book.isValid).toBe(false)
    own.news()
    own.snapshot(9)
    own.keeper.onConfirmed()
    expect(own.clock.pending).toBe(0)
    own.keeper.onLost()
    own.keeper.onBadFrame(1)
    await own.rest(3)
    await own.clock.advance(MINUTE)
    expect(own.news()).toEqual([])
  })

  test('is told when the book was valid', () => {
    const { keeper, snapshot, news } = world()
    snapshot(1)
    keeper.stop()
    expect(news()).toEqual(['valid: snapshot', 'snapshot 1', 'invalid: stopped'])
  })

  test('from within a listener', () => {
    const clock = createVirtualClock()
    const emitted: unknown[] = []
    const never = (): never => expect.fail('not after stop')
    const keeper: BookKeeper = new BookKeeper(
      { symbol: 'BTC-USDT', clock, random: () => 1, updates: true, snapshotIntervalMs: 0 },
      {
        emit: (point) => {
          emitted.push(point)
          if (point.data.kind === 'update') keeper.stop()
        },
        onState: () => undefined,
        ...{ resubscribe: never, reconnect: never, fetchSnapshot: never },
      },
    )
    keeper.onFrame(bookFrame({ kind: 'snapshot', sequence: 1, bids: levels('1:1') }))
    keeper.onFrame(bookFrame({ previousSequence: 1, sequence: 2 }))
    expect(emitted).toHaveLength(2)
  })
})
