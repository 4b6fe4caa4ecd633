import { describe, expect, test } from 'vitest'
import { seededRandom, type VirtualOptions } from 'tapekeeper/testing'
import { BookWorld, isSame, isSameBook, Truth } from './book-world.ts'
import { eachSeed, isOneSeed, runs, size, type Sizes } from '../../support/runs.ts'

/** Both variants of section 7, on quick and on slow lines. */
const VARIANTS: readonly (readonly [name: string, exchange: VirtualOptions, sizes: Sizes])[] = [
  ['with a first snapshot', { bookUpdatesPerSecond: 10 }, { quick: 15, deep: 120 }],
  ['without one', { bookUpdatesPerSecond: 10, initialBookSnapshot: false }, { quick: 10, deep: 90 }],
  ['busy with trades, slow lines', { bookUpdatesPerSecond: 10, tradesPerSecond: 8, networkDelayMs: 40 }, { quick: 5, deep: 30 }],
  [
    'without one, slow lines',
    { bookUpdatesPerSecond: 8, networkDelayMs: 30, initialBookSnapshot: false },
    { quick: 5, deep: 30 },
  ],
]
const [TARGET, BYSTANDER] = ['BTC-USDT', 'ETH-USDT']
const STEP_MS = 100
/** Shortly before the next tick, when everything of the last one has arrived. */
const OFFSET_MS = 95

const FAULTS: readonly (readonly [weight: number, act: (world: BookWorld, random: () => number) => void])[] = [
  [4, ({ fake }, random) => fake.skip({ symbol: TARGET, channel: 'books' }, 1 + Math.floor(random() * 3))],
  [3, ({ fake }) => fake.resetSequence(TARGET)],
  [2, ({ fake }) => fake.drop()],
  [1, ({ fake }) => fake.corrupt('truncated', { symbol: TARGET, channel: 'books' })],
  [1, ({ fake }) => fake.mute({ symbol: TARGET, channel: 'books' })],
  [3, ({ fake }) => fake.unmute()],
  [1, ({ fake }) => fake.failRest({ forMs: 3_000 })],
  [1, ({ fake }, random) => fake.restDelay(random() < 0.5 ? 0 : Math.floor(random() * 1_500))],
  [2, sendCrossedUpdate],
  [1, sendKeepalive],
  [2, loseBeforeUnnumbered],
  [1, ({ fake }, random) => fake.clock.stepWall(Math.floor((random() - 0.5) * 1_200_000))],
]

/** One update is lost, and one that could have told comes without the number that would have. */
function loseBeforeUnnumbered({ fake }: BookWorld, random: () => number): void {
  const numbers = [{}, { seqId: fake.book(TARGET).sequence + 1, prevSeqId: -1 }, { prevSeqId: null, seqId: '' }]
  fake.skip({ symbol: TARGET, channel: 'books' }, 1)
  fake.clock.after(STEP_MS, () => send(fake, [], numbers[Math.floor(random() * numbers.length)] ?? {}))
}

/** As if an earlier removal had been lost: continues the chain, and leaves a bid above the best ask. */
function sendCrossedUpdate({ fake }: BookWorld): void {
  const { asks, sequence } = fake.book(TARGET)
  sendUpdate(fake, [[String(Number(asks[0]![0]) + 1), '1', '0', '1']], sequence, sequence + 1)
}

function sendKeepalive({ fake }: BookWorld): void {
  const { sequence } = fake.book(TARGET)
  sendUpdate(fake, [], sequence, sequence)
}

function sendUpdate(fake: BookWorld['fake'], bids: readonly string[][], prevSeqId: number, seqId: number): void {
  send(fake, bids, { prevSeqId, seqId })
}

function send(fake: BookWorld['fake'], bids: readonly string[][], numbers: object): void {
  if (fake.connections.length === 0) return
  const data = [{ asks: [], bids, ts: String(fake.clock.now()), ...numbers }]
  fake.send(JSON.stringify({ arg: { channel: 'books', instId: TARGET }, action: 'update', data }))
}

interface Outcome {
  readonly text: string
  readonly validChecks: number
  readonly resyncs: number
  readonly reasons: ReadonlySet<string>
}

async function run(seed: number, exchange: VirtualOptions): Promise<Outcome> {
  const random = seededRandom(`model/${seed}`)
  const world = new BookWorld([TARGET, BYSTANDER], { seed, ...exchange }, { snapshotIntervalMs: 500, depth: 5 })
  const { fake } = world
  const truths = [new Truth(), new Truth()] as const
  const kept = [world.of(TARGET), world.of(BYSTANDER)] as const
  let validChecks = 0
  const check = (): void => {
    for (const [at, symbol] of [TARGET, BYSTANDER].entries()) {
      truths[at]!.note(fake.book(symbol))
      const { keeper } = kept[at]!
      if (!keeper.book.isValid) continue
      validChecks++
      if (!truths[at]!.knows(keeper.book)) expect.fail(`${symbol} is valid, but never looked like this: ${keeper.book.sequence}`)
    }
  }
  const total = FAULTS.reduce((sum, [weight]) => sum + weight, 0)
  await fake.clock.advance(OFFSET_MS)
  check()
  for (let step = 20 + Math.floor(random() * 30); step > 0; step--) {
    if (random() < 0.15) {
      let roll = random() * total
      FAULTS.find(([weight]) => (roll -= weight) < 0)?.[1](world, random)
    }
    await fake.clock.advance(STEP_MS)
    check()
  }
  fake.heal()
  const isSettled = (): boolean =>
    kept.every(({ keeper }, at) => isSame(keeper.book, fake.book([TARGET, BYSTANDER][at]!)) && keeper.book.isValid)
  // Back-off may have grown to a minute; a lost frame shows with the next one.
  for (let left = 400; left > 0 && !isSettled(); left--) await fake.clock.advance(10 * STEP_MS)
  for (const [at, { keeper, mirror }] of kept.entries()) {
    expect(keeper.book.isValid, `${keeper.book.symbol} recovers`).toBe(true)
    expect(isSame(keeper.book, fake.book([TARGET, BYSTANDER][at]!))).toBe(true)
    expect(isSameBook(mirror, keeper.book), 'whoever listens has the same book').toBe(true)
  }
  const [target, bystander] = kept
  expect(bystander.keeper.resyncs, 'a resync touches no other book').toBe(0)
  for (const { state, reason } of bystander.changes) if (state === 'invalid') expect(reason).toBe('connection-lost')
  await world.end()
  expect(fake.clock.pending).toBe(0)
  return {
    text: JSON.stringify(kept.map(({ emitted, changes }) => [emitted, changes])),
    validChecks,
    resyncs: target.keeper.resyncs,
    reasons: new Set(target.changes.map(({ reason }) => reason)),
  }
}

describe('a book is the exchange’s at every valid moment, and valid again once faults end', () => {
  test.each(VARIANTS)('%s', async (_name, exchange, sizes) => {
    const reasons = new Set<string>()
    let validChecks = 0
    let resyncs = 0
    await eachSeed(sizes, async (seed) => {
      const outcome = await run(seed, exchange)
      for (const reason of outcome.reasons) reasons.add(reason)
      validChecks += outcome.validChecks
      resyncs += outcome.resyncs
    })
    if (isOneSeed) return
    // The test would prove nothing if the faults had not bitten, or if the books had hardly ever been valid.
    const all = ['gap', 'crossed', 'connection-lost', 'bad-frame']
    expect([...reasons]).toEqual(expect.arrayContaining(size({ quick: ['gap', 'connection-lost'], deep: all })))
    expect(resyncs).toBeGreaterThan(runs(sizes) / 2)
    expect(validChecks).toBeGreaterThan(runs(sizes) * 35)
  })

  test('new numbering and keepalives are no reason to begin again', async () => {
    const world = new BookWorld([TARGET], { seed: 3, bookUpdatesPerSecond: 10 })
    const { keeper, changes, emitted } = world.of(TARGET)
    await world.fake.clock.advance(OFFSET_MS)
    for (let round = 0; round < 20; round++) {
      world.fake.resetSequence(TARGET)
      await world.fake.clock.advance(3 * STEP_MS)
      sendKeepalive(world)
      await world.fake.clock.advance(STEP_MS)
      expect(isSame(keeper.book, world.fake.book(TARGET))).toBe(true)
    }
    const resets = emitted.filter(({ data: { sequence = 0, previousSequence = -1 } }) => sequence < previousSequence)
    expect(resets.length).toBeGreaterThan(10)
    expect(changes.map(({ state }) => state)).toEqual(['valid'])
    await world.end()
  })

  test('the same seed emits the same, to the byte', async () => {
    for (const [, exchange] of VARIANTS) expect((await run(7, exchange)).text).toBe((await run(7, exchange)).text)
  })
})
