/** One statement, in the words of the package `pg`. */
export interface PostgresStatement {
  text: string
  values?: unknown[]
  types?: { getTypeParser(oid: number, format?: string): (value: string) => unknown }
  query_timeout?: number
}

export interface PostgresResult {
  command: string
  rowCount: number | null
  rows: Record<string, unknown>[]
}

/** What we need of a client of the package `pg`. */
export interface PostgresPoolClient {
  query(statement: PostgresStatement): Promise<PostgresResult>
  /** @param destroy true: the connection is not used again. */
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** What we need of a `Pool` of the package `pg`. */
export interface PostgresPool {
  connect(): Promise<PostgresPoolClient>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}
