/** Starts a PostgreSQL, says where, and waits to be killed. */
import { startPostgres } from '../../support/postgres.ts'

const server = await startPostgres()
console.log(`port ${server.port}`)
setInterval(() => undefined, 60_000)
