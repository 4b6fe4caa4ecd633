import { resolve } from 'node:path'
import { z } from 'zod'
import { parseConfig } from '../../errors/config-problems.ts'

/** A database that is gone when it is closed. */
export const IN_MEMORY = ':memory:'

const sqliteOptions = z.strictObject({
  /**
   * The database file, made together with its folder when it is missing. What is made is for its owner alone; the rights of a file that
   * is there are left as they are. `:memory:` for a database that is gone when it is closed.
   */
  file: z
    .string()
    .min(1)
    .refine((file) => !file.includes('\0'), 'must be a file name')
    // An absolute path is a path and nothing else: SQLite reads `file:…` as an address with options.
    .transform((file) => (file === IN_MEMORY ? file : resolve(file))),
  /**
   * When a write is safe. `normal`: from a crash of the process at once, from a loss of power a moment later; what is lost then is read
   * from the exchange again, because the tape's cursor lies in the same file behind its trades. `full`: from both at once, more slowly.
   */
  synchronous: z.enum(['normal', 'full']).default('normal'),
  /** How long to wait for another process that writes just now. The waiting blocks this process. Milliseconds. */
  busyTimeoutMs: z.number().int().nonnegative().default(1_000),
})

export type SqliteRepositoryOptions = z.input<typeof sqliteOptions>
export type ResolvedSqliteOptions = z.output<typeof sqliteOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export const parseSqliteOptions = (options: SqliteRepositoryOptions): ResolvedSqliteOptions =>
  parseConfig(sqliteOptions, options, 'SQLite repository')
