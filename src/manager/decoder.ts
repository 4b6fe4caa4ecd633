import { z } from 'zod'
import { parseConfig } from '../errors/config-problems.ts'
import { systemClock } from '../ports/clock.ts'
import type { Instrument } from '../domain/instrument.ts'
import type { MarketDataPoint } from '../domain/market-data.ts'
import { occurrencesOf, type TapekeeperError } from '../errors/tapekeeper-error.ts'
import { callFenced } from '../ports/emitter.ts'
import { fencedDecode } from '../core/frame.ts'
import { exchangeDefinition } from '../exchanges/registry.ts'

export interface DecoderOptions {
  readonly exchange: string
  /** The exchange's list, where naming conventions are not enough. */
  readonly instruments?: readonly Instrument[] | undefined
  /**
   * Hears of every frame, or row of one, that could not be read; of many bad rows in one frame the last error says how many more there
   * are. They are counted in `errors` in any case.
   */
  readonly onError?: ((error: TapekeeperError) => void) | undefined
}

export interface Decoder {
  /**
   * One frame's text to market data points, in the frame's order. Acks, pongs and notices hold none. Never throws: what cannot be
   * read is counted and reported.
   *
   * @param receivedAt when the frame arrived, epoch milliseconds; now, when left out.
   */
  decode(text: string, receivedAt?: number): readonly MarketDataPoint[]
  /** Frames and rows that could not be read so far. */
  readonly errors: number
}

const decoderOptions = z.strictObject({
  exchange: z.string(),
  instruments: z.array(z.custom<Instrument>((value) => typeof value === 'object' && value !== null)).default([]),
  onError: z
    .custom<NonNullable<DecoderOptions['onError']>>((value) => typeof value === 'function', 'must be a function')
    .optional(),
})

const NOTHING: readonly MarketDataPoint[] = Object.freeze([])

/**
 * Reads frames that came from elsewhere: recordings, your own sockets.
 *
 * @throws TapekeeperError `EXCHANGE_UNKNOWN`, or `CONFIG_INVALID` for wrong options.
 * @example
 * ```ts
 * import { createDecoder } from 'tapekeeper'
 * const decoder = createDecoder({ exchange: 'okx' })
 * const [trade] = decoder.decode(
 *   '{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12","side":"buy","ts":"1630048897897"}]}',
 * )
 * ```
 */
export function createDecoder(options: DecoderOptions): Decoder {
  const { exchange, instruments, onError } = parseConfig(decoderOptions, options, 'decoder options')
  const definition = exchangeDefinition(exchange)
  const listed = new Map(instruments.map(({ nativeSymbol, symbol }) => [nativeSymbol, symbol]))
  const decodeFrame = definition.createDecoder({
    symbolOf: (nativeSymbol) => listed.get(nativeSymbol) ?? definition.symbolOf(nativeSymbol),
  })
  let errors = 0
  const report = (error: TapekeeperError): void => {
    errors += occurrencesOf(error)
    callFenced(
      () => onError?.(error),
      () => undefined,
    )
  }
  return {
    decode(text, receivedAt = systemClock.now()) {
      const frame = fencedDecode(decodeFrame, text, receivedAt)
      if (frame.kind === 'data') {
        if (frame.errors.length > 0) frame.errors.forEach(report)
        return frame.points
      }
      if (frame.kind === 'invalid') report(frame.error)
      return NOTHING
    },
    get errors() {
      return errors
    },
  }
}
