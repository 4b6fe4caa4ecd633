import type * as Testing from 'tapekeeper/testing'
import type { VirtualExchange } from 'tapekeeper/testing'
import type { Order } from './expected.ts'

export const SYMBOL = 'BTC-USDT'
export const BEGAN_AT = Date.UTC(2026, 10, 22)

/** A market in which nothing is left to chance: what is traded comes from a list. */
export const newFake = ({ createVirtualClock, createVirtualExchange }: typeof Testing): VirtualExchange =>
  createVirtualExchange({
    clock: createVirtualClock(BEGAN_AT),
    instruments: [SYMBOL],
    tradesPerSecond: 0,
    bookUpdatesPerSecond: 0,
    historyMs: 0,
  })

/** Trades what the list says from now until so long after the beginning. */
export async function liveThrough(
  fake: VirtualExchange,
  orders: readonly Order[],
  untilMs: number,
  before: (index: number) => void | Promise<void> = () => undefined,
): Promise<void> {
  const until = (passedMs: number): Promise<void> => fake.clock.advance(BEGAN_AT + passedMs - fake.clock.now())
  for (const [index, { atMs, ...order }] of orders.entries()) {
    if (BEGAN_AT + atMs < fake.clock.now() || atMs > untilMs) continue
    await until(atMs)
    await before(index)
    fake.trade(SYMBOL, order)
  }
  await until(untilMs)
}
