import { describe, expect, test } from 'vitest'
import type { DataFrame } from '../../../src/core/frame.ts'
import { createDecoder } from '../../../src/exchanges/okx/decode.ts'
import { brokenRule } from './invariants.ts'
import { hasRecording, noList, recordedFrames, RECEIVED_AT, SKIP_REASON } from './support.ts'

interface Row {
  readonly [field: string]: string
}
interface WireData {
  readonly arg: { readonly channel: string; readonly instId: string }
  readonly action?: string
  readonly data: readonly (Row & { readonly asks: string[][]; readonly bids: string[][] })[]
}

/** Real frames of 2022-05-13, kept beside the project: OKX's own digits have to come out as they went in. */
describe.skipIf(!hasRecording)(`a recorded session (else: ${SKIP_REASON})`, () => {
  const decode = createDecoder(noList)
  const texts = hasRecording ? recordedFrames() : []
  const frames = texts.map((text) => decode(text, RECEIVED_AT))
  const data = frames.flatMap((frame, at): [WireData, DataFrame][] =>
    frame.kind === 'data' ? [[JSON.parse(texts[at]!) as WireData, frame]] : [],
  )
  const ofChannel = (channel: string) => data.filter(([wire]) => wire.arg.channel === channel)

  test('every frame is understood', () => {
    const counts: Record<string, number> = {}
    for (const { kind } of frames) counts[kind] = (counts[kind] ?? 0) + 1
    expect(counts).toEqual({ subscribed: 12, data: 287 })
  })

  test('every point keeps every rule, and no row is left out', () => {
    for (const [wire, frame] of data) {
      expect(frame.topicKey).toBe(`${wire.arg.channel}:${wire.arg.instId}`)
      expect(frame.errors).toEqual([])
      expect(frame.points).toHaveLength(wire.data.length)
      for (const point of frame.points) {
        expect(brokenRule(point, RECEIVED_AT)).toBeUndefined()
        expect(point.symbol).toBe(wire.arg.instId.replace('SWAP', 'PERP'))
      }
    }
  })

  test('70 trade frames', () => {
    expect(ofChannel('trades')).toHaveLength(70)
    for (const [wire, frame] of ofChannel('trades')) {
      const expected = wire.data.map((row) => ({
        timestamp: Number(row.ts),
        data: { id: row.tradeId, price: row.px, size: row.sz, side: row.side, count: undefined, backfilled: false },
      }))
      expect(frame.points).toMatchObject(expected)
    }
  })

  test('26 ticker frames', () => {
    expect(ofChannel('tickers')).toHaveLength(26)
    for (const [wire, frame] of ofChannel('tickers')) {
      const expected = wire.data.map((row) => ({
        timestamp: Number(row.ts),
        data: {
          ...{ last: row.last, bid: row.bidPx, bidSize: row.bidSz, ask: row.askPx, askSize: row.askSz },
          ...{ open24h: row.open24h, high24h: row.high24h, low24h: row.low24h, volume24h: row.vol24h },
          quoteVolume24h: row.instType === 'SPOT' ? row.volCcy24h : undefined,
        },
      }))
      expect(frame.points).toMatchObject(expected)
    }
  })

  test('191 book frames, two of them snapshots', () => {
    expect(ofChannel('books')).toHaveLength(191)
    expect(ofChannel('books').filter(([wire]) => wire.action === 'snapshot')).toHaveLength(2)
    for (const [wire, frame] of ofChannel('books')) {
      const expected = wire.data.map((row) => ({
        timestamp: Number(row.ts),
        data: {
          ...{ kind: wire.action, sequence: undefined, previousSequence: undefined },
          bids: row.bids.map((level) => level.slice(0, 2)),
          asks: row.asks.map((level) => level.slice(0, 2)),
        },
      }))
      expect(frame.points).toMatchObject(expected)
    }
  })
})
