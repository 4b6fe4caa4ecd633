import { resolve } from 'node:path'
import { z } from 'zod'
import { parseConfig } from '../errors/config-problems.ts'
import { consoleLogger, fenceLogger, type Logger } from '../ports/logger.ts'
import type { Spool } from '../storage/spool.ts'
import { FileLane } from './file-lane.ts'
import { directoryOfLane } from './lane-name.ts'
import { systemFiles, type Files } from './own-file.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2

const fileSpoolOptions = z.strictObject({
  /** Each lane has a directory in here. Made when it is missing; must be on a disk of this machine. */
  directory: z.string().min(1),
  /** What the segments of one lane may take on the disk, and likewise what it may set aside. Default 1 GiB. */
  maxBytes: z.number().int().positive().default(GIB),
  /** A segment that is larger gets no more lines; it is removed when it has been drained. Default 16 MiB. */
  segmentBytes: z
    .number()
    .int()
    .positive()
    .default(16 * MIB),
  /** Appended lines survive a power cut, and not only the death of the process. Default true. */
  fsync: z.boolean().default(true),
  /** Hears of damaged lines. Default: the console. */
  logger: z.custom<Logger>((value) => typeof value === 'object' && value !== null, 'must be a logger').optional(),
})

export type FileSpoolOptions = z.input<typeof fileSpoolOptions>

/**
 * A spool in files: append-only segments, a checksum for each append, owner-only. What `append` has acknowledged is there after a crash,
 * whole and in order; an append that was interrupted is not. A batch that the disk has damaged costs that batch alone: it is logged and
 * what is left of it goes to `set-aside.ndjson`. After a crash lines that were dropped just before may come back.
 *
 * A lane belongs to one process at a time. Processes must see each other's ids: no two containers on one directory.
 *
 * @throws TapekeeperError `CONFIG_INVALID`; the lanes reject with `SPOOL_FAILED`.
 * @example
 * ```ts
 * import { createFileSpool } from 'tapekeeper/node'
 * const lane = createFileSpool({ directory: './spool' }).lane('okx_BTC-USDT')
 * await lane.open()
 * await lane.append(['{"price":"42219.90"}'])
 * const lines = await lane.read(100)
 * await lane.drop(lines.length)
 * await lane.close()
 * ```
 */
export function createFileSpool(options: FileSpoolOptions): Spool {
  return fileSpoolOn(systemFiles, options)
}

/** @param files in place of the disk: a test's, that fails. */
export function fileSpoolOn(files: Files, options: FileSpoolOptions): Spool {
  const { directory, logger, ...rest } = parseConfig(fileSpoolOptions, options, 'file spool')
  const parent = resolve(directory)
  const laneOptions = { ...rest, logger: fenceLogger(logger ?? consoleLogger()) }
  return { lane: (name) => new FileLane(files, parent, directoryOfLane(name), laneOptions) }
}
