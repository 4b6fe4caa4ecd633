export { createSqliteRepository, type SqliteRepository } from './storage/sqlite/create-sqlite-repository.ts'
export type { SqliteRepositoryOptions } from './storage/sqlite/sqlite-options.ts'
