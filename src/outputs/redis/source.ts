import type { RedisConnection } from './redis-connection.ts'

export interface SourceHooks {
  /** @param id of the entry, where entries have one. */
  onText(text: string, id: string | undefined): void
  /** Something is where a message should be. */
  onDamaged(what: string): void
  /** One stream or channel cannot be read, while others can; it is tried again. Once, until it can. */
  onRefused(what: string, error: unknown): void
  onListening(): void
}

/** Where messages come from. What it must know to go on after a loss it keeps itself. */
export interface Source {
  /** Rejects when the connection is lost, or Redis refuses. */
  listen(connection: RedisConnection, hooks: SourceHooks): Promise<never>
}
