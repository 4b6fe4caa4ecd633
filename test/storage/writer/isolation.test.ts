import { expect, test } from 'vitest'
import { DatabaseOperationError } from '../../../src/errors/database-operation-error.ts'
import { KindHistory, storeIsolating, SYSTEMIC_ROWS, type Verdict } from '../../../src/storage/writer/isolation.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import fc from '../../support/fast-check.ts'

interface Row {
  readonly key: string
  readonly number: number
  readonly fails: 'row' | 'unclear' | undefined
  /** Is stored after it has failed alone so many times. */
  blips: number
}

function world() {
  const stored: Row[] = []
  const rejected: Row[] = []
  const attempts: number[] = []
  const error = new DatabaseOperationError('no', { operation: 'save', table: 't' })
  const attempt = (rows: readonly Row[]): Promise<Verdict> => {
    attempts.push(rows.length)
    const bad = rows.find(({ fails }) => fails !== undefined) ?? rows.find(({ blips }) => blips > 0)
    if (bad === undefined) return Promise.resolve({ is: 'stored', result: { inserted: rows.length, kept: 0, overwritten: 0 } })
    if (rows.length === 1) bad.blips--
    return Promise.resolve({ is: bad.fails ?? 'unclear', error })
  }
  const history = new KindHistory<Row>()
  const run = (rows: readonly Row[]) =>
    storeIsolating(rows, {
      history,
      random: seededRandom('isolation'),
      keyOf: ({ key }) => key,
      attempt,
      onStored: (some) => void stored.push(...some),
      onRejected: (row) => void rejected.push(row),
    })
  return { run, stored, rejected, attempts }
}

const anyRows = fc
  .array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      fails: fc.option(fc.constantFrom('row' as const, 'unclear' as const), { nil: undefined, freq: 6 }),
      blips: fc.constantFrom(0, 0, 0, 1),
    }),
    { maxLength: 60 },
  )
  .map((rows): readonly Row[] => rows.map((row, number) => ({ ...row, number })))

test('rows of one key stay in order, sound ones are stored, poison is not', async () => {
  await fc.assert(
    fc.asyncProperty(anyRows, async (rows) => {
      const { run, stored, rejected } = world()
      const sound: Row = { key: 'z', number: -1, fails: undefined, blips: 0 }
      await run([sound])
      let rest = rows
      for (let i = 0; i < 10 && rest.length > 0; i++) {
        await run([sound, ...rest])
        rest = rest.filter((row) => !stored.includes(row) && !rejected.includes(row))
      }
      expect(rest).toEqual([])
      expect(stored.filter(({ fails }) => fails !== undefined)).toEqual([])
      expect(rejected.filter(({ fails }) => fails === undefined)).toEqual([])
      for (const key of 'abcdef') {
        const numbers = stored.filter((row) => row.key === key).map(({ number }) => number)
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
      }
    }),
    { numRuns: 300 },
  )
})

test('when nothing can be stored, nothing is rejected', async () => {
  const { run, rejected } = world()
  const rows = Array.from({ length: 1_000 }, (_, number): Row => ({ key: String(number), number, fails: 'row', blips: 0 }))
  expect((await run(rows))?.is).toBe('held')
  expect((await run(rows))?.is).toBe('held')
  expect(rejected).toEqual([])
})

test('a few that the repository blames itself are rejected even alone', async () => {
  const { run, rejected } = world()
  const rows = Array.from({ length: SYSTEMIC_ROWS - 1 }, (_, number): Row => ({
    key: String(number),
    number,
    fails: 'row',
    blips: 0,
  }))
  expect(await run(rows)).toBeUndefined()
  expect(rejected).toHaveLength(SYSTEMIC_ROWS - 1)
})

test('when so many fail that it looks like the table, five more are tried, and then none', async () => {
  const { run, attempts } = world()
  const rows = Array.from({ length: 1_000 }, (_, number): Row => ({ key: String(number), number, fails: 'row', blips: 0 }))
  expect((await run(rows))?.is).toBe('held')
  expect(attempts.filter((count) => count === 1)).toHaveLength(SYSTEMIC_ROWS + 5)
})

test('when one of those tried out of turn is stored, it was the rows: they are rejected, and all others are stored once', async () => {
  const { run, stored, rejected } = world()
  const rows = Array.from({ length: 100 }, (_, number): Row => {
    return { key: String(number), number, fails: number < SYSTEMIC_ROWS ? 'row' : undefined, blips: 0 }
  })
  expect(await run(rows)).toBeUndefined()
  expect(rejected).toEqual(rows.slice(0, SYSTEMIC_ROWS))
  expect(stored.toSorted((a, b) => a.number - b.number)).toEqual(rows.slice(SYSTEMIC_ROWS))
})
