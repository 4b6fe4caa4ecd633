import type { PostgresPool as KyselyPool, PostgresPoolClient as KyselyClient, PostgresQueryResult } from 'kysely'
import { sleep, systemClock } from '../../ports/clock.ts'
import { isAnswer } from './database-fault.ts'
import type { PostgresPool, PostgresPoolClient, PostgresStatement } from './postgres-pool.ts'
import { msOfTimeText } from './time-text.ts'

export interface PoolLimits {
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
}

const NO_ROWS = { command: 'ROLLBACK', rowCount: 0, rows: [] } as unknown as PostgresQueryResult<never>

const asText = (value: string): unknown => value

const PARSERS: Readonly<Record<number, (value: string) => unknown>> = {
  16: (value) => value === 't', // boolean
  17: (value) => Buffer.from(value.slice(2), 'hex'), // bytea
  20: Number, // bigint
  21: Number, // smallint
  23: Number, // integer
  1184: msOfTimeText, // timestamptz
}

/** Ours, whatever the host has set for all of `pg`: decimals stay text, times keep their microseconds. */
const types: PostgresStatement['types'] = { getTypeParser: (oid) => PARSERS[oid] ?? asText }

/**
 * Whatever a server, a database, a role, a pooler or a host's pool has set: within a transaction of ours these hold, and they end with it.
 * With `array_nulls` off, NULL in a column would be stored as the word.
 */
const SETTINGS = {
  datestyle: 'ISO',
  bytea_output: 'hex',
  timezone: 'UTC',
  client_encoding: 'UTF8',
  array_nulls: 'on',
  transform_null_equals: 'off',
  lock_timeout: '0',
} as const

/** The server ends a statement itself, and a transaction whose other end has gone silent. Longer than that, and only then, we give it up. */
const GRACE_MS = 250

/** @param text of a statement that begins a transaction. */
function withSettings(text: string, timeoutMs: number): string {
  const settings = { ...SETTINGS, statement_timeout: timeoutMs, idle_in_transaction_session_timeout: timeoutMs + GRACE_MS }
  return [text, ...Object.entries(settings).map(([name, value]) => `SET LOCAL ${name} = '${value}'`)].join('; ')
}

const isBegin = (text: string): boolean => text.startsWith('start transaction')
const isRollback = (text: string): boolean => text === 'rollback'

/**
 * The pool as kysely uses it, where nothing waits for ever: a connection that is not to be had or a statement that is not answered
 * in time fails, and a connection that failed is not used again. A statement that takes too long is ended by the server, so that none lives
 * on there when it has been given up here; for that everything runs in transactions.
 */
export function guardedPool(pool: PostgresPool, limits: PoolLimits): KyselyPool {
  return {
    connect: async () => guardedClient(await connect(pool, limits.connectTimeoutMs), limits.statementTimeoutMs),
    end: () => Promise.resolve(),
  }
}

async function connect(pool: PostgresPool, timeoutMs: number): Promise<PostgresPoolClient> {
  const connecting = pool.connect()
  const waiting = new AbortController()
  const tooLong = sleep(systemClock, timeoutMs, waiting.signal).then(() => undefined)
  tooLong.catch(() => undefined)
  const client = await Promise.race([connecting, tooLong]).finally(() => waiting.abort())
  if (client !== undefined) return client
  connecting.then(
    (late) => late.release(),
    () => undefined,
  )
  throw new Error(`timeout: no connection within ${timeoutMs} ms`)
}

function guardedClient(client: PostgresPoolClient, timeoutMs: number): KyselyClient {
  let isBroken = false
  // While a client is lent out nobody else listens, and an error that nobody hears ends the process.
  const onError = (): void => {
    isBroken = true
  }
  client.on('error', onError)
  return {
    async query<R>(statement: unknown, values?: readonly unknown[]): Promise<PostgresQueryResult<R>> {
      const text = isBegin(statement as string) ? withSettings(statement as string, timeoutMs) : (statement as string)
      // A broken connection is closed, which ends its transaction; behind a statement that hangs it would wait for nothing.
      if (isBroken && isRollback(text)) return NO_ROWS
      try {
        const result = await client.query({ text, values: [...(values ?? [])], types, query_timeout: timeoutMs + GRACE_MS })
        return result as unknown as PostgresQueryResult<R>
      } catch (error) {
        // With a failed statement the settings above have ended, so that a session's own idle limit may end it before the rollback arrives.
        // What failed is what the caller has to hear.
        if (isRollback(text) || !isAnswer(error)) isBroken = true
        if (isRollback(text)) return NO_ROWS
        throw error
      }
    },
    release() {
      client.release(isBroken)
      client.removeListener('error', onError)
    },
  } as KyselyClient
}
