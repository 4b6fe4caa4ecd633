import { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { createMemoryCursorStore } from '../../../src/ports/cursor-store.ts'
import type { Gap } from '../../../src/domain/gap.ts'
import type { TradePoint } from '../../../src/core/tape/continuity.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { asDecimal } from '../../support/decimals.ts'
import { createTapeWorld, RestHistory, SECOND, START, type TapeWorld } from './tape-world.ts'

// The promise under faults that lie: REST that stands still or lags, damaged ids and times, ids that begin anew, clocks that are set.
// Each trade is delivered or in a gap 30 s after it could be known of, while the fault lasts; in order; never twice.

const LONGEST_WAIT_MS = 30_000

/** What the exchange did. Its price says which trade it is, whatever happens to id and time. */
interface Fill {
  readonly serial: number
  readonly era: number
  readonly id: number
  readonly time: number
  readonly at: number
}

type Said =
  { readonly at: number; readonly point: TradePoint } | { readonly at: number; readonly gap: Gap; readonly newestSerial: number }

class Market {
  readonly fills: Fill[] = []
  /** Elapsed time from which on it could be known that the fills up to this serial exist. */
  received: { readonly serial: number; readonly at: number }[] = []
  /** Rows as they were sent, undamaged. */
  readonly pushed: (readonly Fill[])[] = []
  readonly faults = new Set<string>()
  /** Ids that damaged rows came under. */
  readonly ghosts = new Set<number>()
  readonly #random: () => number
  readonly #world: () => TapeWorld
  /** By how much the exchange's clock differs. */
  offset = 0
  clockSteps: readonly number[] = []
  era = 0
  /** Elapsed time. A process that begins anew knows nothing of what ids have meant before. */
  processBegan = 0
  nextId: number
  // REST.
  rest: 'well' | 'down' | 'hangs' | 'empty' | 'frozen' | 'forgetful' = 'well'
  frozenAt = 0
  lagMs = 0
  delayMs = 20
  /** Of an era that has ended nothing is known any more. */
  forgetsEras = false

  constructor(random: () => number, world: () => TapeWorld) {
    this.#random = random
    this.#world = world
    this.nextId = 1_000_000 + Math.floor(random() * 9_000_000)
  }

  chance(p: number): boolean {
    return this.#random() < p
  }

  int(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1))
  }

  get now(): number {
    return START + this.#world().clock.elapsed() + this.offset
  }

  /** One row of `count` fills, not pushed yet. */
  fill(count = 1): Fill[] {
    const at = this.#world().clock.elapsed()
    return Array.from({ length: count }, () => {
      const fill = { serial: this.fills.length, era: this.era, id: this.nextId++, time: this.now, at }
      this.fills.push(fill)
      return fill
    })
  }

  push(row: readonly Fill[], { id = row.at(-1)!.id, time = row.at(-1)!.time }: { id?: number; time?: number } = {}): void {
    const last = row.at(-1)!
    if (id !== last.id) for (let i = 0; i < row.length; i++) this.ghosts.add(id - i)
    // A known id and an old time: so does a copy look. What comes next tells.
    else if (time >= last.time) this.received.push({ serial: last.serial, at: this.#world().clock.elapsed() })
    if (id === last.id && time === last.time) this.pushed.push(row)
    this.#world().tape.accept(pointOf(last, id, time, row.length))
  }

  page(beforeId: number): TradePoint[] {
    const { clock } = this.#world()
    const until = Math.min(clock.elapsed() - this.lagMs, this.rest === 'frozen' ? this.frozenAt : Infinity)
    const byId = new Map<number, Fill>()
    for (const fill of this.fills) {
      if (fill.at > until || fill.id >= beforeId || (this.forgetsEras && fill.era !== this.era)) continue
      if (this.rest === 'forgetful' && fill.serial % 7 === 0) continue
      byId.set(fill.id, fill)
    }
    const rows = [...byId.values()].sort((a, b) => b.id - a.id).slice(0, 100)
    return rows.map((fill) => pointOf(fill, fill.id, fill.time, undefined))
  }

  async answer(beforeId: number, signal: AbortSignal): Promise<TradePoint[]> {
    const { clock } = this.#world()
    const kind = this.rest
    const sentAt = clock.elapsed()
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          cancel()
          reject(signal.reason as Error)
        }
        const cancel = clock.after(ms, () => {
          signal.removeEventListener('abort', stop)
          resolve()
        })
        signal.addEventListener('abort', stop, { once: true })
      })
    // As the REST client does: three tries of five seconds.
    await wait(kind === 'hangs' ? 16_500 : this.delayMs)
    if (kind === 'down' || kind === 'hangs') throw new TapekeeperError('REST_FAILED', 'down', this.chance(0.8) ? { sentAt } : {})
    return kind === 'empty' ? [] : this.page(beforeId)
  }
}

function pointOf({ serial }: Fill, id: number, at: number, count: number | undefined): TradePoint {
  const data = {
    id: String(id),
    price: asDecimal(String(serial)),
    size: asDecimal('1'),
    side: 'buy',
    backfilled: count === undefined,
  }
  return {
    exchange: 'acme',
    symbol: 'ABC-USD',
    dataType: 'trade',
    timestamp: at,
    receivedAt: at,
    data: { ...data, side: 'buy', count: count === 1 ? undefined : count },
  }
}

const serialOf = ({ data }: TradePoint): number => Number(data.price)

interface Run {
  readonly market: Market
  readonly said: readonly Said[]
  readonly problem: string | undefined
}

export async function run(seed: number): Promise<Run> {
  const random = seededRandom(seed)
  const said: Said[] = []
  const rest = new RestHistory()
  const cursorStore = random() < 0.3 ? createMemoryCursorStore() : undefined
  const open = (clock?: TapeWorld['clock']): TapeWorld =>
    createTapeWorld({
      rest,
      random,
      ...(clock === undefined ? {} : { clock }),
      ...(cursorStore === undefined ? {} : { cursorStore }),
      onDelivered: (point) => said.push({ at: world.clock.elapsed(), point }),
      onGap: (gap) => {
        if (!gap.filled) said.push({ at: world.clock.elapsed(), gap, newestSerial: market.fills.length - 1 })
      },
    })
  let world = open()
  const market = new Market(random, () => world)
  rest.script = (beforeId, _call, signal) => market.answer(beforeId, signal)
  if (random() < 0.3) world.clock.stepWall(market.int(-3, 3) * 3_600_000)
  await world.tape.open()
  // A process that begins anew knows nothing of what ids have meant before.
  market.forgetsEras = cursorStore !== undefined
  market.push(market.fill())
  const faults = faultsOf(market, () => world)
  // Ids that begin anew while the clock is set back look like copies.
  market.clockSteps = seed % 2 === 0 ? [-3_600_000, 3_600_000, -4_000, 4_000] : [3_600_000, 4_000]
  const names = Object.keys(faults).filter((name) => seed % 2 === 1 || name !== 'idsRestart')
  let perSecond = [0.2, 1, 5, 20][market.int(0, 3)]!
  let problem: string | undefined
  for (let step = 0; step < 40 && problem === undefined; step++) {
    if (random() < 0.45) {
      const name = names[market.int(0, names.length - 1)]!
      market.faults.add(name)
      await faults[name]!()
    }
    if (random() < 0.15) perSecond = [0, 0.2, 1, 5, 20][market.int(0, 4)]!
    if (cursorStore !== undefined && random() < 0.04) {
      market.faults.add('process')
      await closing(world, true)
      world = open(world.clock)
      market.processBegan = world.clock.elapsed()
      // What the next process knows, it learns from the next trade.
      market.received = []
      await world.tape.open()
    } else if (random() < 0.04) {
      const pauseMs = market.int(0, 3_000)
      await closing(world, false)
      await world.clock.advance(pauseMs)
      await world.tape.open()
      // A restart breaks off the request under way.
      market.received = market.received.map(({ serial, at }) => ({ serial, at: at + pauseMs + 5 * SECOND }))
    }
    const until = world.clock.elapsed() + market.int(200, 8_000)
    while (world.clock.elapsed() < until) {
      if (perSecond > 0) market.push(market.fill(market.chance(0.2) ? market.int(2, 5) : 1))
      await world.clock.advance(perSecond > 0 ? Math.min(1_000 / perSecond, 5_000) : 1_000)
    }
    problem = unaccounted(market, said, world.clock.elapsed() - LONGEST_WAIT_MS)
  }
  const wasOpen = !world.tape.isWhole
  await closing(world, true)
  // What a store keeps is left to the next start; without one, everything is told.
  if (cursorStore === undefined) problem ??= unaccounted(market, said, Infinity)
  else if (wasOpen) problem ??= unaccounted(market, said, world.clock.elapsed() - LONGEST_WAIT_MS)
  problem ??= disorder(said) ?? invention(market, said)
  if (world.clock.pending > 0) problem ??= `${world.clock.pending} timers are left`
  return { market, said, problem }
}

async function closing({ tape, clock }: TapeWorld, forGood: boolean): Promise<void> {
  const progress = { isDone: false }
  const closed = tape.close(forGood).then(() => (progress.isDone = true))
  for (let i = 0; i < 100 && !progress.isDone; i++) await clock.advance(100)
  await closed
}

function faultsOf(market: Market, world: () => TapeWorld): Record<string, () => void | Promise<void>> {
  const lose = (rows: number): void => void market.fill(rows)
  return {
    lost: () => lose(market.int(1, 6)),
    burstLost: () => lose(market.int(900, 3_000)),
    copy: () => {
      const from = market.int(1, 100)
      const known = market.pushed.slice(-from).filter(([fill]) => fill!.era === market.era || fill!.at >= market.processBegan)
      for (const row of known.slice(0, 5)) market.push(row)
    },
    overtaken: () => {
      const [first, second] = [market.fill(), market.fill(2)]
      market.push(second)
      market.push(first)
    },
    damagedId: () => {
      const row = market.fill()
      const id = row[0]!.id
      const digit = 10 ** market.int(0, 7)
      market.push(row, { id: market.chance(0.3) ? Math.max(1, id - digit) : id + digit * market.int(1, 9) })
    },
    twoDamagedIds: () => {
      const rows = [market.fill(), market.fill()]
      const by = 10 ** market.int(1, 8)
      for (const row of rows) market.push(row, { id: row[0]!.id + by })
    },
    damagedTime: () => {
      const row = market.fill()
      const { time } = row[0]!
      const times = [time + 3_000, time + 3_600_000, time - 3_600_000, time - 5_000, time + 60_000]
      market.push(row, { time: times[market.int(0, times.length - 1)]! })
    },
    exchangeClockSet: () => void (market.offset += market.clockSteps[market.int(0, market.clockSteps.length - 1)]!),
    wallClockSet: () => world().clock.stepWall([-3_600_000, 3_600_000, -10_000, 7_200_000][market.int(0, 3)]!),
    idsRestart: async () => {
      // What bears the very time of the last trade could be a copy.
      await world().clock.advance(1)
      // Far below: what begins anew just behind itself looks like copies, or like a hole that closes.
      if (market.nextId < 100_000) return
      market.era++
      market.nextId = market.int(1, market.nextId / 100)
    },
    restDown: () => void (market.rest = 'down'),
    restHangs: () => void (market.rest = 'hangs'),
    restEmpty: () => void (market.rest = 'empty'),
    restForgetful: () => void (market.rest = 'forgetful'),
    restFrozen: () => {
      market.rest = 'frozen'
      market.frozenAt = world().clock.elapsed()
    },
    restLags: () => void (market.lagMs = market.int(1, 40) * SECOND),
    restForgetsEras: () => void (market.forgetsEras = true),
    restSlow: () => void (market.delayMs = market.int(20, 600)),
    restWell: () => {
      market.rest = 'well'
      market.lagMs = 0
      market.delayMs = 20
    },
  }
}

/** A trade that could be known of before `knownBefore`, and is neither delivered nor in a gap. */
function unaccounted(market: Market, said: readonly Said[], knownBefore: number): string | undefined {
  let known = -1
  for (const { serial, at } of market.received) if (at <= knownBefore && serial > known) known = serial
  const settled = new Set<number>()
  const deliveredIds = new Set<number>()
  let newest = -1
  let before: Said | undefined
  const ranges: { readonly from: number; readonly to: number; readonly before: number }[] = []
  for (const what of said) {
    if ('point' in what) {
      const last = serialOf(what.point)
      // A gap before a damaged row is one of time: what was traded meanwhile may have other ids.
      const isGhost = market.fills[last]?.id !== Number(what.point.data.id)
      if (isGhost && before !== undefined && 'gap' in before) for (let i = newest + 1; i < last; i++) settled.add(i)
      before = what
      for (let i = 0; i < (what.point.data.count ?? 1); i++) {
        settled.add(last - i)
        deliveredIds.add(Number(what.point.data.id) - i)
      }
      newest = Math.max(newest, last)
      continue
    }
    before = what
    if (what.gap.fromId === undefined) {
      // Nobody knows which: all that was traded since the last that was delivered.
      for (let serial = newest + 1; serial <= what.newestSerial; serial++) settled.add(serial)
    } else {
      ranges.push({ from: Number(what.gap.fromId), to: Number(what.gap.toId), before: what.newestSerial })
    }
  }
  for (let serial = 0; serial <= known; serial++) {
    if (settled.has(serial)) continue
    const { id, at } = market.fills[serial]!
    // Of two trades with one id nobody can tell which one was damaged.
    if (market.ghosts.has(id) && deliveredIds.has(id)) continue
    if (ranges.some(({ from, to }) => id >= from && id <= to)) continue
    return `trade ${serial} (id ${id}, made at ${at}) is neither delivered nor in a gap`
  }
  return undefined
}

/** Ids follow each other without a break, in what is delivered and in gaps, until they begin anew. */
function disorder(said: readonly Said[]): string | undefined {
  let next: number | undefined
  const seen = new Set<string>()
  for (const what of said) {
    if ('gap' in what) {
      if (what.gap.fromId === undefined) next = undefined
      else {
        if (next !== undefined && Number(what.gap.fromId) !== next) return `gap from ${what.gap.fromId} where ${next} is next`
        next = Number(what.gap.toId) + 1
      }
      continue
    }
    const { data } = what.point
    const first = Number(data.id) - (data.count ?? 1) + 1
    if (next !== undefined && first !== next) return `${first} where ${next} is next`
    next = Number(data.id) + 1
    const key = `${data.id} ${data.price}`
    if (seen.has(key)) return `trade ${key} comes twice`
    seen.add(key)
  }
  return undefined
}

/** What nothing in the faults explains. */
function invention({ faults }: Market, said: readonly Said[]): string | undefined {
  const reasons = new Set(said.flatMap((what) => ('gap' in what ? [what.gap.reason] : [])))
  const hadFault = (...names: string[]): boolean => names.some((name) => faults.has(name))
  if (reasons.has('ids-restarted') && !hadFault('idsRestart', 'damagedId', 'twoDamagedIds', 'exchangeClockSet', 'damagedTime'))
    return 'ids-restarted though they were not'
  if (reasons.has('too-old') && !hadFault('exchangeClockSet')) return 'too old, though nothing was'
  const restIsWell = ![...faults].some((name) => name.startsWith('rest') && name !== 'restWell' && name !== 'restSlow')
  const isDamaged = hadFault('damagedId', 'twoDamagedIds', 'damagedTime', 'idsRestart', 'exchangeClockSet')
  if (restIsWell && !isDamaged && reasons.size > (reasons.has('stopped') ? 1 : 0))
    return `gaps though REST was well: ${[...reasons].join()}`
  return undefined
}
