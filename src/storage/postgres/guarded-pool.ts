import type { PostgresPool as KyselyPool, PostgresPoolClient as KyselyClient, PostgresQueryResult } from 'kysely'
import { sleep, systemClock } from '../../ports/clock.ts'
import { isAnswer } from './database-fault.ts'
import type { PostgresPool, PostgresPoolClient, PostgresStatement } from './postgres-pool.ts'
import { msOfTimeText } from './time-text.ts'

export interface PoolLimits {
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
}

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
 * The pool as kysely uses it, where nothing waits for ever: a connection that is not to be had or a statement that is not answered
 * in time fails, and a connection that failed is not used again.
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
    async query<R>(text: unknown, values?: readonly unknown[]): Promise<PostgresQueryResult<R>> {
      try {
        const result = await client.query({ text: text as string, values: [...(values ?? [])], types, query_timeout: timeoutMs })
        return result as unknown as PostgresQueryResult<R>
      } catch (error) {
        if (!isAnswer(error)) isBroken = true
        throw error
      }
    },
    release() {
      client.release(isBroken)
      client.removeListener('error', onError)
    },
  } as KyselyClient
}
