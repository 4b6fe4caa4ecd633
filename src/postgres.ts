export { createPostgresRepository, type PostgresRepository } from './storage/postgres/create-postgres-repository.ts'
export type { PostgresRepositoryOptions } from './storage/postgres/options.ts'
export type { PostgresPool, PostgresPoolClient, PostgresResult, PostgresStatement } from './storage/postgres/postgres-pool.ts'
