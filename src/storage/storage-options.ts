import { z } from 'zod'
import type { Spool } from './spool.ts'
import { TUNING } from './writer/writer-options.ts'

const isSpool = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)['lane'] === 'function'

/** How rows wait on their way into a repository. Milliseconds throughout. */
export const storageOptions = z
  .strictObject({
    /** Where rows wait while the database is away. Default: in memory alone. */
    spool: z
      .custom<Spool>(isSpool, 'must be a spool, such as createFileSpool({ directory }) of tapekeeper/node makes')
      .optional(),
    /** So many rows are written at once, as soon as they wait. */
    batchRows: z.number().int().positive().default(TUNING.batchRows),
    /** More that wait go along, up to so many. */
    maxBatchRows: z.number().int().positive().default(TUNING.maxBatchRows),
    /** Fewer rows than a batch wait this long. */
    maxDelayMs: z.number().nonnegative().default(TUNING.maxDelayMs),
    /** Rows held in memory at most; the oldest are left out when one more comes. With a spool, they go there before. Two batches or more. */
    maxQueuedRows: z.number().int().positive().default(TUNING.maxQueuedRows),
    /** A repository or a spool that takes longer than this has failed. */
    operationTimeoutMs: z.number().positive().default(TUNING.operationTimeoutMs),
  })
  // One batch is being written while the next one waits; with less room, rows would be lost although the database is there.
  .refine(({ batchRows, maxQueuedRows }) => maxQueuedRows >= 2 * batchRows, {
    path: ['maxQueuedRows'],
    message: 'must be at least twice batchRows',
  })

/** What users write. */
export type StorageOptions = z.input<typeof storageOptions>
