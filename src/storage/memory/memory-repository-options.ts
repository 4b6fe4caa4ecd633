import { z } from 'zod'
import { parseConfig } from '../../errors/config-problems.ts'

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
const bound = z.custom<number>(isCount, 'must be a whole number, 1 or more')

const memoryRepositoryOptions = z.strictObject({
  /** Trades kept, of all markets together. About 0.3 kB each: 75 MB. */
  maxTrades: bound.default(250_000),
  /** Candles kept, of all series together. About 0.5 kB each: 50 MB. */
  maxCandles: bound.default(100_000),
  /** Frames kept, of all markets together. As large as they came, with `storeRawData` often 1 kB: 25 MB. */
  maxFrames: bound.default(25_000),
  /** Gaps kept, of all streams together; filled ones give way first. About 0.3 kB each: 3 MB. */
  maxGaps: bound.default(10_000),
})

export type MemoryRepositoryOptions = z.input<typeof memoryRepositoryOptions>
export type ResolvedMemoryOptions = z.output<typeof memoryRepositoryOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export const parseMemoryRepositoryOptions = (options: MemoryRepositoryOptions): ResolvedMemoryOptions =>
  parseConfig(memoryRepositoryOptions, options, 'memory repository options')
