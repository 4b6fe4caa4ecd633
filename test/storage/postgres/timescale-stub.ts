/**
 * An extension that looks like TimescaleDB to our adapter: it notes what would become a hypertable, and insists on what the real one
 * insists on, that every unique key contains the time. The tables stay ordinary.
 */
export const timescaleStub = {
  'timescaledb.control': "comment = 'stands in for TimescaleDB'\ndefault_version = '1.0'\nrelocatable = false\nschema = public\n",
  'timescaledb--1.0.sql': `
    CREATE TABLE hypertable_calls (relation regclass, time_column name, chunk interval);
    CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, chunk_time_interval interval)
    RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (
        SELECT FROM pg_index WHERE indrelid = relation AND indisunique AND NOT EXISTS (
          SELECT FROM pg_attribute WHERE attrelid = relation AND attname = time_column_name AND attnum = ANY (indkey)
        )
      ) THEN
        RAISE EXCEPTION 'cannot create a unique index without the column "%" (used in partitioning)', time_column_name;
      END IF;
      INSERT INTO public.hypertable_calls VALUES (relation, time_column_name, chunk_time_interval);
    END $$;
  `,
}
