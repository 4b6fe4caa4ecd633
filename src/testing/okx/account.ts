import { formatScaled } from './units.ts'

/** One asset of the fake's account. Amounts as plain decimals. */
interface Holding {
  readonly available: string
  readonly frozen: string
  readonly updatedAt: number
}

const START: readonly (readonly [asset: string, available: string, frozen: string])[] = [
  ['USDT', '12503.27', '250'],
  ['BTC', '0.81520043', '0.05'],
  ['ETH', '4.2', '0'],
]
const UID = '44705892343619584'

/** The balances behind the `account` channel. */
export class Account {
  readonly #holdings = new Map<string, Holding>()
  readonly #pageSize: number

  constructor(pageSize: number, now: number) {
    this.#pageSize = pageSize
    for (const [asset, available, frozen] of START) this.#holdings.set(asset, { available, frozen, updatedAt: now })
  }

  set(asset: string, available: string, frozen: string, now: number): void {
    this.#holdings.set(asset, { available, frozen, updatedAt: now })
  }

  /** The pages of one push; `assets` narrows an event to what changed. */
  frames(eventType: 'snapshot' | 'event_update', ccy: string | undefined, now: number, assets?: readonly string[]): string[] {
    const shown = [...this.#holdings].filter(
      ([asset]) => (ccy === undefined || ccy.split(',').includes(asset)) && assets?.includes(asset) !== false,
    )
    if (shown.length === 0 && eventType === 'event_update') return []
    const pages = Math.max(1, Math.ceil(shown.length / this.#pageSize))
    return Array.from({ length: pages }, (_, page) =>
      JSON.stringify({
        arg: { channel: 'account', ...(ccy === undefined ? {} : { ccy }), uid: UID },
        eventType,
        curPage: page + 1,
        lastPage: page + 1 === pages,
        data: [accountRow(shown.slice(page * this.#pageSize, (page + 1) * this.#pageSize), now)],
      }),
    )
  }
}

/** Fields that an account without margin leaves empty. */
const EMPTY_ACCOUNT = {
  adjEq: '',
  availEq: '',
  borrowFroz: '',
  imr: '',
  isoEq: '',
  mgnRatio: '',
  mmr: '',
  notionalUsd: '',
  ordFroz: '',
  upl: '',
}
const EMPTY_DETAIL = {
  borrowFroz: '',
  crossLiab: '',
  disEq: '',
  eqUsd: '',
  imr: '',
  interest: '',
  liab: '',
  maxLoan: '',
  mgnRatio: '',
  upl: '',
}

function accountRow(holdings: readonly (readonly [string, Holding])[], now: number): object {
  return {
    ...EMPTY_ACCOUNT,
    totalEq: '',
    uTime: String(now),
    details: holdings.map(([ccy, { available, frozen, updatedAt }]) => {
      const total = sum(available, frozen)
      return {
        ...EMPTY_DETAIL,
        ccy,
        availBal: available,
        availEq: available,
        cashBal: total,
        eq: total,
        frozenBal: frozen,
        ordFrozen: frozen,
        collateralEnabled: false,
        uTime: String(updatedAt),
      }
    }),
  }
}

/** Exact: both amounts as integers of the finer one's last digit. */
function sum(a: string, b: string): string {
  const decimals = Math.max(decimalsOf(a), decimalsOf(b))
  return formatScaled(scaled(a, decimals) + scaled(b, decimals), decimals)
}

const decimalsOf = (text: string): number => text.split('.')[1]?.length ?? 0

function scaled(text: string, decimals: number): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(decimals, '0'))
}
