import { sql, type Kysely } from 'kysely'
import { MIGRATION_TABLES, sharedMigrations } from '../sql/migrations.ts'
import type { Tables } from '../sql/tables.ts'
import { makeHypertables } from './hypertables.ts'
import { inTransaction } from './in-transaction.ts'

export interface MigrationSettings {
  readonly schema: string
  readonly timescale: 'auto' | false
}

type Database = Kysely<Tables>
type MigrationStep = (db: Database) => Promise<void>

/** Makes the tables or brings them up to date. Several processes may do so at once: one does, the others wait and find it done. */
export async function migrate(db: Database, settings: MigrationSettings): Promise<void> {
  const steps = migrationSteps(settings)
  const done = await inTransaction(db, 'read only', (transaction) => stepsDone(transaction, settings.schema))
  if (missing(steps, done).length === 0) return
  await inTransaction(db, 'read write', async (transaction) => {
    // Ends with the transaction, however that ends.
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`tapekeeper migrations of ${settings.schema}`}, 0))`.execute(
      transaction,
    )
    const { rows: schemas } = await sql`SELECT FROM pg_namespace WHERE nspname = ${settings.schema}`.execute(transaction)
    // Without the question, a role without the right to make schemas would be refused even where there is nothing to make.
    if (schemas.length === 0) await sql`CREATE SCHEMA ${sql.id(settings.schema)}`.execute(transaction)
    const log = logOf(settings.schema)
    await sql`CREATE TABLE IF NOT EXISTS ${log} (name text PRIMARY KEY, migrated_at timestamptz NOT NULL DEFAULT now())`.execute(
      transaction,
    )
    for (const [name, step] of missing(steps, await stepsDone(transaction, settings.schema))) {
      await step(transaction)
      await sql`INSERT INTO ${log} (name) VALUES (${name})`.execute(transaction)
    }
  })
}

const logOf = (schema: string) => sql.id(schema, MIGRATION_TABLES.migrationTableName)

async function stepsDone(db: Database, schema: string): Promise<readonly string[]> {
  const exists = sql`
    SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = ${schema} AND relname = ${MIGRATION_TABLES.migrationTableName}`
  if ((await exists.execute(db)).rows.length === 0) return []
  const { rows } = await sql<{ name: string }>`SELECT name FROM ${logOf(schema)}`.execute(db)
  return rows.map(({ name }) => name)
}

function missing(
  steps: ReadonlyMap<string, MigrationStep>,
  done: readonly string[],
): readonly (readonly [string, MigrationStep])[] {
  const later = done.filter((name) => !steps.has(name))
  if (later.length > 0)
    throw new Error(`the tables were made by a later version of tapekeeper (${later.join(', ')}): update this one`)
  return [...steps].filter(([name]) => !done.includes(name))
}

function migrationSteps(settings: MigrationSettings): ReadonlyMap<string, MigrationStep> {
  const shared = sharedMigrations({
    types: {
      text: sql`text COLLATE "C"`,
      decimal: sql`numeric`,
      time: sql`timestamptz`,
      integer: sql`bigint`,
      flag: sql`boolean`,
      body: sql`text`,
    },
  })
  const steps = Object.entries(shared).map(
    ([name, step]) => [name, (db: Database) => step.up(db.withSchema(settings.schema))] as const,
  )
  return new Map<string, MigrationStep>([...steps, ['0001_tables_postgres', (db) => finishTables(db, settings)]])
}

async function finishTables(db: Database, { schema, timescale }: MigrationSettings): Promise<void> {
  // PostgreSQL's text holds every character but NUL; a frame that has one lies beside as bytes, in UTF-8.
  await sql`
    ALTER TABLE ${sql.id(schema, 'raw_frames')}
      ALTER COLUMN text DROP NOT NULL,
      ADD COLUMN text_bytes bytea,
      ADD CONSTRAINT raw_frames_text CHECK (num_nonnulls(text, text_bytes) = 1)`.execute(db)
  if (timescale === 'auto') await makeHypertables(db, schema)
}
