type Run = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>

interface Column {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly collation: string | null
  readonly value: string | null
}

/** As plain SQL what tapekeeper has made in its schema: tables, keys, indexes, rows. */
export async function dumpPostgres(run: Run, schema = 'tapekeeper'): Promise<string> {
  const texts = async (sql: string): Promise<string[]> => (await run(sql)).map(({ text }) => text as string)
  const tables = await texts(`
    SELECT relname AS text FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r' ORDER BY 1`)
  const statements = [`CREATE SCHEMA ${schema}`]
  for (const name of tables) {
    const table = `'${schema}.${name}'::regclass`
    const columns = (await run(`
      SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
        CASE WHEN attcollation <> typcollation THEN quote_ident(collname) END AS collation,
        pg_get_expr(adbin, adrelid) AS value
      FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
        LEFT JOIN pg_collation ON pg_collation.oid = attcollation LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = ${table} AND attnum > 0 AND NOT attisdropped ORDER BY attnum`)) as readonly unknown[] as readonly Column[]
    const definitions = columns.map(
      ({ name, type, collation, value, required }) =>
        `"${name}" ${type}` +
        (collation === null ? '' : ` COLLATE ${collation}`) +
        (value === null ? '' : ` DEFAULT ${value}`) +
        (required ? ' NOT NULL' : ''),
    )
    statements.push(`CREATE TABLE ${schema}.${name} (\n  ${definitions.join(',\n  ')}\n)`)
    // As literals, whatever the type.
    const literals = columns.map(({ name }) => `quote_nullable("${name}"::text)`).join(`, ', ', `)
    const rows = await texts(`SELECT concat(${literals}) AS text FROM ${schema}.${name} ORDER BY 1`)
    if (rows.length > 0) {
      const values = rows.map((row) => `(${row})`).join(',\n')
      statements.push(`INSERT INTO ${schema}.${name} VALUES\n${values}`)
    }
    statements.push(
      ...(await texts(`
        SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS text
        FROM pg_constraint WHERE conrelid = ${table} AND contype <> 'n' ORDER BY contype DESC, conname`)),
      ...(await texts(`
        SELECT pg_get_indexdef(indexrelid) AS text FROM pg_index
        WHERE indrelid = ${table} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) ORDER BY 1`)),
    )
  }
  return `${statements.join(';\n\n')};\n`
}
