import { Socket } from 'node:net'
import pg from 'pg'
import { systemClock } from '../../ports/clock.ts'
import type { ResolvedPostgresOptions } from './options.ts'
import type { PostgresPool } from './postgres-pool.ts'

/** A pool, and how we part with it. */
export interface OpenedPool {
  readonly pool: PostgresPool
  close(): Promise<void>
}

/** How long a server is given to say goodbye. */
const FAREWELL_MS = 1_000

/** An idle connection that breaks is replaced by the pool; heard by nobody, the event would end the process. */
const ignore = (): void => undefined

export function openPool(options: ResolvedPostgresOptions): OpenedPool {
  return options.pool === undefined ? ownPool(options) : hostPool(options.pool)
}

function hostPool(pool: PostgresPool): OpenedPool {
  pool.on('error', ignore)
  return {
    pool,
    close() {
      pool.removeListener('error', ignore)
      return Promise.resolve()
    },
  }
}

function ownPool({ connectionString, ssl, maxConnections, connectTimeoutMs }: ResolvedPostgresOptions): OpenedPool {
  const sockets = new Set<Socket>()
  const pool = new pg.Pool({
    ...(connectionString !== undefined && { connectionString }),
    ...(ssl !== undefined && { ssl }),
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    fallback_application_name: 'tapekeeper',
    keepAlive: true,
    stream: () => {
      const socket = new Socket()
      sockets.add(socket)
      return socket.once('close', () => sockets.delete(socket))
    },
  })
  pool.on('error', ignore)
  return {
    pool,
    async close() {
      await pool.end()
      await allClosed(sockets)
      // A frozen server never answers a goodbye, and an open socket would keep the process alive.
      for (const socket of sockets) socket.destroy()
    },
  }
}

function allClosed(sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = systemClock.after(FAREWELL_MS, resolve)
    const look = (): void => {
      if (sockets.size > 0) return
      cancel()
      resolve()
    }
    for (const socket of sockets) socket.once('close', look)
    look()
  })
}
