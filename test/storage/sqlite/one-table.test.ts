import Database from 'better-sqlite3'
import { onTestFinished, describe, expect, test } from 'vitest'
import type { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { createSqliteRepository } from '../../../src/storage/sqlite/create-sqlite-repository.ts'
import { StorageWriter } from '../../../src/storage/writer/storage-writer.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { candle, trade } from '../writer/hostile-world.ts'
import { scratchFile } from './scratch.ts'

const TABLES = ['trades', 'market_data', 'raw_frames'] as const
type Table = (typeof TABLES)[number]

/** A writer into a file, and another program's connection to that. */
async function world() {
  const file = scratchFile()
  const made = createSqliteRepository({ file })
  await made.statistics()
  await made.close()
  const clock = createVirtualClock()
  const repository = createSqliteRepository({ file, busyTimeoutMs: 0 })
  const errors: TapekeeperError[] = []
  const writer = new StorageWriter({
    name: 'w',
    repositories: { rawTrades: repository, marketData: repository },
    spool: undefined,
    clock,
    random: seededRandom('one table'),
    onError: (error) => void errors.push(error),
    onLost: () => undefined,
  })
  const other = new Database(file)
  onTestFinished(async () => {
    await writer.close(AbortSignal.abort())
    await repository.close()
    other.close()
  })
  /** One row into each table, every second. */
  const flow = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      writer.write({ kind: 'trade', row: trade(String(n)) })
      writer.write({ kind: 'candle', row: candle(n * 60_000, 1) })
      writer.write({ kind: 'frame', row: { ...trade(''), id: `f${n}`, topic: 'trades', text: '{}' } })
      await clock.advance(1_000)
    }
  }
  const rowsOf = (table: Table): unknown => other.prepare(`SELECT count(*) FROM ${table}`).pluck().get()
  return { clock, repository, writer, other, errors, flow, rowsOf }
}

const missing = (table: Table): readonly [string, string, RegExp] => [
  `ALTER TABLE ${table} RENAME TO away`,
  `ALTER TABLE away RENAME TO ${table}`,
  new RegExp(`no such table: (main\\.)?${table}`),
]
const raising = (table: Table): readonly [string, string, RegExp] => [
  `CREATE TRIGGER no BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'closed for stocktaking'); END`,
  'DROP TRIGGER no',
  /closed for stocktaking/,
]
const CASES = TABLES.flatMap((table) => [
  { what: 'is missing', table, fault: missing(table) },
  { what: 'has a trigger that raises', table, fault: raising(table) },
])

describe.each(CASES)('the table $table $what', ({ table, fault: [spoil, mend, words] }) => {
  test.each(['before the file is opened', 'while it is open'])('%s: the others go on, and nothing is lost', async (when) => {
    const { clock, writer, other, errors, flow, rowsOf } = await world()
    const before = when === 'while it is open' ? 3 : 0
    await flow(0, before)
    await clock.advance(1_000)
    other.exec(spoil)
    await flow(before, 40)
    const others = TABLES.filter((each) => each !== table)
    for (const each of others) expect(rowsOf(each), each).toBeGreaterThan(35)
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(words)])
    expect(errors[0]?.message).toMatch(new RegExp(`^save\\w+ on ${table}: `))
    expect(writer.status()).toMatchObject({ state: 'away', lost: 0, rejected: 0 })
    other.exec(mend)
    await clock.advance(60_000)
    for (const each of TABLES) expect(rowsOf(each), each).toBe(40)
    expect(writer.status()).toMatchObject({ state: 'working', queued: 0, lost: 0, rejected: 0 })
  })
})

test('a trigger that refuses one row costs that row, with its own words', async () => {
  const { clock, writer, other, errors, flow, rowsOf } = await world()
  await flow(0, 1)
  other.exec(
    `CREATE TRIGGER no BEFORE INSERT ON trades WHEN NEW.trade_id = '5' BEGIN SELECT RAISE(ABORT, 'five is right out'); END`,
  )
  await flow(1, 20)
  await clock.advance(60_000)
  expect([rowsOf('trades'), rowsOf('market_data')]).toEqual([19, 20])
  expect(errors.at(-1)).toMatchObject({ code: 'ROW_REJECTED', context: { id: '5' } })
  expect(errors.at(-1)?.message).toContain('five is right out')
  expect(writer.status()).toMatchObject({ state: 'working', queued: 0, rejected: 1 })
})

test('a file that another program keeps locked: told once, in the words of SQLite; all goes on afterwards', async () => {
  const { clock, writer, other, errors, flow, rowsOf } = await world()
  await flow(0, 3)
  await clock.advance(1_000)
  other.exec('BEGIN IMMEDIATE')
  await flow(3, 30)
  expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/^save\w+ on \w+: database is locked$/)])
  expect(writer.status()).toMatchObject({ state: 'away', lost: 0, rejected: 0 })
  other.exec('ROLLBACK')
  await clock.advance(60_000)
  for (const each of TABLES) expect(rowsOf(each), each).toBe(30)
})
