import Database from 'better-sqlite3'
import { sql } from 'kysely'
import { chmodSync, closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { PointOf } from '../../../src/domain/market-data.ts'
import { createSqliteRepository } from '../../../src/storage/sqlite/create-sqlite-repository.ts'
import { LazyDatabase } from '../../../src/storage/sqlite/lazy-database.ts'
import { sqliteFault } from '../../../src/storage/sqlite/sqlite-fault.ts'
import { parseSqliteOptions } from '../../../src/storage/sqlite/sqlite-options.ts'
import { collect } from '../../../src/testing/repository-contract/contract-world.ts'
import { gapAt } from '../../../src/testing/repository-contract/gap-tests.ts'
import { many, MARKET, tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { failureOf, scratchFile } from './scratch.ts'

const trades = (count: number): PointOf<'trade'>[] => many(count, (index) => tradeAt(index))

describe('a file that cannot be used', () => {
  test('one that is no database is named, and left alone', async () => {
    const file = scratchFile('notes.txt')
    writeFileSync(file, 'buy low, sell high\n'.repeat(100))
    const repository = createSqliteRepository({ file })
    const error = await failureOf(repository.saveTrades(trades(1)))
    expect(error).toMatchObject({ operation: 'open', table: file, fault: 'unknown', code: 'DATABASE_FAILED' })
    expect(error.message).toBe(`open on ${file}: file is not a database`)
    expect(await repository.healthCheck()).toMatchObject({ isHealthy: false, issue: error.message })
    expect(statSync(file).size).toBe(1_900)
    await repository.close()
  })

  test('one of a newer version is refused', async () => {
    const file = scratchFile()
    const first = createSqliteRepository({ file })
    await first.saveTrades(trades(1))
    await first.close()
    const other = new Database(file)
    other.prepare('INSERT INTO tapekeeper_migrations VALUES (?, ?)').run('0999_future', 'tomorrow')
    other.close()
    const repository = createSqliteRepository({ file })
    const { message } = await failureOf(repository.latestTrade(MARKET))
    expect(message).toBe(`open on ${file}: the file was written by a newer version of tapekeeper, which knows 0999_future`)
    await repository.close()
  })

  test('one of the version before, which knew no gaps, gets their table and keeps everything', async () => {
    const file = scratchFile()
    const first = createSqliteRepository({ file })
    await first.saveTrades(trades(3))
    await first.cursor('s').save({ id: '7', timestamp: 1 })
    await first.close()
    const old = new Database(file)
    old.exec("DROP TABLE tape_gaps; DELETE FROM tapekeeper_migrations WHERE name = '0002_gaps'")
    old.close()
    const repository = createSqliteRepository({ file })
    expect(await repository.openGaps('s')).toEqual([])
    expect(await repository.saveGaps([gapAt(0)])).toMatchObject({ inserted: 1 })
    expect(await repository.openGaps(gapAt(0).stream)).toEqual([gapAt(0)])
    expect(await repository.cursor('s').load()).toEqual({ id: '7', timestamp: 1, state: undefined })
    expect((await repository.statistics()).rows).toMatchObject({ trades: 3, cursors: 1, gaps: 1 })
    await repository.close()
  })

  test('one of another program, which has such a table itself, is refused and stays as it was', async () => {
    const file = scratchFile()
    const other = new Database(file)
    other.exec('CREATE TABLE trades (what TEXT)')
    other.close()
    const repository = createSqliteRepository({ file })
    expect((await failureOf(repository.saveTrades(trades(1)))).message).toMatch(/^open on .*: table "?trades"? already exists$/)
    await repository.close()
    const again = new Database(file)
    expect(again.prepare('SELECT name FROM sqlite_master').pluck().all()).toEqual(['trades'])
    again.close()
  })

  test('a folder, and a path through a file, are tried again later', async () => {
    const file = scratchFile()
    mkdirSync(file)
    expect(await failureOf(createSqliteRepository({ file }).saveTrades(trades(1)))).toMatchObject({ table: file, fault: 'away' })
    writeFileSync(join(file, 'plain'), '')
    const through = join(file, 'plain', 'market.db')
    const repository = createSqliteRepository({ file: through })
    expect(await failureOf(repository.saveTrades(trades(1)))).toMatchObject({ table: through, fault: 'away' })
    rmSync(join(file, 'plain'))
    expect(await repository.saveTrades(trades(1))).toMatchObject({ inserted: 1 })
    await repository.close()
  })

  test('rights of a file that is there are left as they are', async () => {
    const file = scratchFile()
    writeFileSync(file, '')
    chmodSync(file, 0o640)
    const repository = createSqliteRepository({ file })
    await repository.saveTrades(trades(1))
    expect(statSync(file).mode & 0o777).toBe(0o640)
    await repository.close()
  })
})

describe('a file that fails while it is open', () => {
  test('while another process writes for longer than we wait, it is away; then it goes on', async () => {
    const file = scratchFile()
    const repository = createSqliteRepository({ file, busyTimeoutMs: 0 })
    await repository.saveTrades(trades(1))
    const other = new Database(file)
    other.exec('BEGIN IMMEDIATE')
    expect(await failureOf(repository.saveTrades(trades(2)))).toMatchObject({
      operation: 'saveTrades',
      table: 'trades',
      fault: 'away',
      cause: { code: 'SQLITE_BUSY' },
    })
    expect(await repository.latestTrade(MARKET)).toEqual(tradeAt(0))
    other.exec('ROLLBACK')
    other.close()
    expect(await repository.saveTrades(trades(2))).toEqual({ inserted: 1, kept: 1, overwritten: 0 })
    await repository.close()
  })

  test('on a full disk nothing of the batch is stored; with room again it goes on', async () => {
    const database = new LazyDatabase(parseSqliteOptions({ file: scratchFile() }))
    const where = { operation: 'saveTrades', table: 'trades' }
    const limit = (pages: number) =>
      database.run(where, ({ sql: db }) => sql`PRAGMA max_page_count = ${sql.raw(String(pages))}`.execute(db))
    const save = (count: number) => database.run(where, ({ writes }) => writes.trades(trades(count)))
    await save(10)
    await limit(20)
    expect(await failureOf(save(5_000))).toMatchObject({
      ...where,
      fault: 'away',
      message: 'saveTrades on trades: database or disk is full',
    })
    await limit(1_000_000)
    expect(await save(5_000)).toEqual({ inserted: 4_990, kept: 10, overwritten: 0 })
    await database.close()
  })

  test.each([
    ['deleted', (file: string) => ['', '-wal', '-shm'].forEach((end) => rmSync(file + end))],
    ['moved', (file: string) => renameSync(file, `${file}.old`)],
    [
      'replaced',
      (file: string) => {
        renameSync(file, `${file}.old`)
        writeFileSync(file, '')
      },
    ],
  ])('one that is %s is noticed before anything is written into nowhere, and made anew', async (_how, remove) => {
    const file = scratchFile()
    const repository = createSqliteRepository({ file })
    await repository.saveTrades(trades(3))
    remove(file)
    const [one, another] = await Promise.all([
      failureOf(repository.saveTrades(trades(1))),
      failureOf(repository.latestTrade(MARKET)),
    ])
    for (const error of [one, another]) expect(error).toMatchObject({ operation: 'open', table: file, fault: 'away' })
    expect(await repository.saveTrades(trades(2))).toEqual({ inserted: 2, kept: 0, overwritten: 0 })
    expect(await collect(repository.trades(MARKET))).toEqual(trades(2))
    await repository.close()
  })

  test('damage is told, and crashes nothing', async () => {
    const file = scratchFile()
    const first = createSqliteRepository({ file })
    await first.saveTrades(trades(5_000))
    await first.close()
    const descriptor = openSync(file, 'r+')
    for (let at = 4_096 * 12; at < statSync(file).size; at += 4_096)
      writeSync(descriptor, Buffer.alloc(4_096, 0xa5), 0, 4_096, at)
    closeSync(descriptor)
    const repository = createSqliteRepository({ file })
    const error = await failureOf(collect(repository.trades(MARKET)))
    expect(error).toMatchObject({ operation: 'trades', table: 'trades', fault: 'unknown', cause: { code: 'SQLITE_CORRUPT' } })
    expect((await failureOf(repository.saveTrades(trades(5_000)))).fault).toBe('unknown')
    await repository.close()
  })
})

test('two repositories of one process that make the same file at once do not wait for each other for ever', async () => {
  const file = join(dirname(scratchFile()), 'new', 'market.db')
  const repositories = many(4, () => createSqliteRepository({ file }))
  const results = await Promise.all(repositories.map((repository) => repository.saveTrades(trades(10))))
  expect(results.reduce((sum, { inserted }) => sum + inserted, 0)).toBe(10)
  await Promise.all(repositories.map((repository) => repository.close()))
})

const coded = (code: string): Error => Object.assign(new Error(code), { code })

test.each([
  ['away', 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_LOCKED', 'SQLITE_FULL', 'SQLITE_IOERR_FSYNC', 'SQLITE_CANTOPEN_ISDIR'],
  ['away', 'SQLITE_READONLY_DBMOVED', 'SQLITE_NOMEM', 'ENOSPC', 'EACCES', 'ENOTDIR', 'EMFILE'],
  ['row', 'SQLITE_CONSTRAINT_NOTNULL', 'SQLITE_CONSTRAINT_CHECK', 'SQLITE_MISMATCH', 'SQLITE_TOOBIG'],
  ['unknown', 'SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_ERROR', 'SQLITE_SCHEMA', 'ERR_SOMETHING'],
  ['unknown', 'SQLITE_CONSTRAINT_TRIGGER'],
])('fault %s: %s and the like', (fault, ...codes) => {
  for (const code of codes) expect([code, sqliteFault(coded(code))]).toEqual([code, fault])
})

test('a row that the driver or our own check refuses is at fault itself; what cannot be told is unknown', () => {
  expect([new RangeError(), new TypeError(), new Error(), 'words', undefined].map(sqliteFault)).toEqual([
    'row',
    'row',
    'unknown',
    'unknown',
    'unknown',
  ])
})

test.each([
  [{ file: '' }, /file must have at least 1 character/],
  [{ file: 'a\0b' }, /file: must be a file name/],
  [{ file: 'a', synchronous: 'off' }, /synchronous is "off".*\(allowed values: normal, full\)/],
  [{ file: 'a', busyTimeoutMs: -1 }, /busyTimeoutMs is -1/],
  [{ file: 'a', busytimeoutMs: 1 }, /unknown key "busytimeoutMs", did you mean "busyTimeoutMs"\?/],
])('an option that is wrong is refused at once: %j', (options, message) => {
  expect(() => createSqliteRepository(options as never)).toThrow(message)
})
