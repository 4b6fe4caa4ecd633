import { describe, expect, test } from 'vitest'
import { BookKeeper } from '../../../src/core/book/book-keeper.ts'
import { crc32, legacyChecksum } from '../../../src/core/book/checksum.ts'
import { MaintainedBook } from '../../../src/core/book/local-book.ts'
import type { PointOf } from '../../../src/domain/market-data.ts'
import { createDecoder } from '../../../src/exchanges/okx/decode.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { hasRecording, noList, RECEIVED_AT, recordedFrames, SKIP_REASON } from '../../exchanges/okx/support.ts'
import { bookFrame, levels } from './support.ts'

describe('the legacy checksum', () => {
  test('of the fact sheet', () => {
    const book = new MaintainedBook('BTC-USDT')
    book.replace(bookFrame({ bids: levels('3366.1:7', '3366:6'), asks: levels('3366.8:9', '3368:8') }).data, 1)
    expect(legacyChecksum(book)).toBe(-1_881_014_294)
  })

  test('skips the places a shorter side does not have', () => {
    const book = new MaintainedBook('BTC-USDT')
    book.replace(bookFrame({ bids: levels('3366.1:7'), asks: levels('3366.8:9', '3368:8', '3372:8') }).data, 1)
    expect(legacyChecksum(book)).toBe(crc32('3366.1:7:3366.8:9:3368:8:3372:8'))
  })

  test('of the standard test word', () => expect(crc32('123456789')).toBe(0xcb_f4_39_26 | 0))
})

interface WireBook {
  readonly arg: { readonly channel: string }
  readonly data: readonly { readonly checksum: number }[]
}

/** Frames without sequence numbers: the checksums are the only proof that a book kept from them is right. */
describe.skipIf(!hasRecording)(`a recorded session (else: ${SKIP_REASON})`, () => {
  test('all 191 checksums hold, each after its frame', () => {
    const decode = createDecoder(noList)
    const keepers = new Map<string, BookKeeper>()
    const emitted: PointOf<'orderbook'>[] = []
    const never = (): never => {
      throw new Error('there is no gap in this recording')
    }
    const keeperOf = (symbol: string): BookKeeper => {
      const clock = createVirtualClock()
      const options = { symbol, clock, random: () => 0.5, updates: true }
      const hooks = { emit: (point: PointOf<'orderbook'>) => emitted.push(point), onState: () => undefined }
      const keeper = new BookKeeper(options, { ...hooks, resubscribe: never, reconnect: never, fetchSnapshot: never })
      keepers.set(symbol, keeper)
      return keeper
    }
    const verified: Record<string, number> = {}
    for (const text of recordedFrames()) {
      const wire = JSON.parse(text) as Partial<WireBook>
      if (wire.arg?.channel !== 'books' || wire.data === undefined) continue
      const frame = decode(text, RECEIVED_AT)
      if (frame.kind !== 'data') throw new Error(`expected data, got ${frame.kind}`)
      for (const [at, point] of frame.points.entries()) {
        if (point.dataType !== 'orderbook') throw new Error(`expected a book, got ${point.dataType}`)
        const keeper = keepers.get(point.symbol) ?? keeperOf(point.symbol)
        keeper.onFrame(point)
        expect(keeper.book.isValid).toBe(true)
        expect(legacyChecksum(keeper.book)).toBe(wire.data[at]!.checksum)
        expect(keeper.book.depth('bids')).toBeLessThanOrEqual(400)
        verified[point.symbol] = (verified[point.symbol] ?? 0) + 1
      }
    }
    expect(Object.keys(verified).sort()).toEqual(['BTC-USDT', 'UNI-USD-PERP'])
    expect(Object.values(verified).reduce((sum, count) => sum + count)).toBe(191)
    expect(emitted).toHaveLength(191)
  })
})
