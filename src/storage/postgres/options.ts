import { z } from 'zod'
import type { PostgresPool } from './postgres-pool.ts'

/** What PostgreSQL keeps of a name; it cuts longer ones, so that two schemas would be one. */
const MAX_NAME_BYTES = 63

const connectionString = z.custom<string>(
  (value) =>
    typeof value === 'string' && (value.startsWith('/') || (/^(postgres(ql)?|socket):/.test(value) && URL.canParse(value))),
  // Whatever stands there, a password may be part of it: it is not quoted.
  'must look like postgres://user:password@host:5432/database, special characters percent-encoded',
)

const pool = z.custom<PostgresPool>(
  (value) => typeof (value as Partial<PostgresPool> | null | undefined)?.connect === 'function',
  'must be a Pool of the package pg',
)

const schemaName = z.custom<string>(
  (value) =>
    typeof value === 'string' &&
    /^[\p{L}_][\p{L}\p{N}_$-]*$/u.test(value) &&
    !value.startsWith('pg_') &&
    new TextEncoder().encode(value).length <= MAX_NAME_BYTES,
  `must be a name of letters, digits, _, $ and -, not longer than ${MAX_NAME_BYTES} bytes and not beginning with pg_`,
)

export const postgresOptions = z
  .strictObject({
    /** Default: what the environment variables `PGHOST`, `PGDATABASE`, `PGUSER`, … say. */
    connectionString: connectionString.optional(),
    /** A pool of your own instead, which is not closed here. */
    pool: pool.optional(),
    /** Where the tables are; made when it is not there. */
    schema: schemaName.default('tapekeeper'),
    /** Of our own pool. */
    maxConnections: z.number().int().positive().default(5),
    /** A statement that takes longer is given up and its connection replaced. Milliseconds. */
    statementTimeoutMs: z.number().int().positive().default(30_000),
    /** Getting a connection may take this long. Milliseconds. */
    connectTimeoutMs: z.number().int().positive().default(5_000),
    /** TLS of our own pool: true, or what Node's `tls.connect` takes. Default: what the connection string says. */
    ssl: z.union([z.boolean(), z.record(z.string(), z.unknown())]).optional(),
    /** `auto` makes hypertables of new tables when TimescaleDB is installed in the database. */
    timescale: z.union([z.literal('auto'), z.literal(false)]).default('auto'),
  })
  .refine((options) => options.pool === undefined || (options.connectionString ?? options.ssl) === undefined, {
    path: ['pool'],
    message: 'a pool of your own has its own connectionString and ssl: leave them out',
  })

export type PostgresRepositoryOptions = z.input<typeof postgresOptions>
export type ResolvedPostgresOptions = z.output<typeof postgresOptions>
