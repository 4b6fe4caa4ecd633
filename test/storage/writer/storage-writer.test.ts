import { describe, expect, test } from 'vitest'
import { DatabaseOperationError } from '../../../src/errors/database-operation-error.ts'
import type { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import type { StorageRecord } from '../../../src/storage/storage-record.ts'
import { StorageWriter } from '../../../src/storage/writer/storage-writer.ts'
import type { StorageWriterOptions } from '../../../src/storage/writer/writer-options.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { candle, gapOf, HostileDatabase, HostileSpool, trade } from './hostile-world.ts'

const STREAM = 'okx trades BTC-USDT'

function world(options: Partial<StorageWriterOptions> & { withSpool?: boolean } = {}) {
  const clock = createVirtualClock()
  const random = seededRandom('writer')
  const database = new HostileDatabase({ clock, random })
  const disk = new HostileSpool({ clock, random })
  const errors: TapekeeperError[] = []
  const lost: { ids: string[]; reason: string }[] = []
  const idOf = (record: StorageRecord): string => (record.kind === 'trade' ? record.row.data.id : record.kind)
  const repository = database.repository()
  const make = (others: Partial<StorageWriterOptions> = {}): StorageWriter =>
    new StorageWriter({
      name: 'w',
      repositories: { rawTrades: repository, marketData: repository },
      spool: options.withSpool === true ? disk.spool() : undefined,
      clock,
      random,
      onError: (error) => void errors.push(error),
      onLost: (records, reason) => void lost.push({ ids: records.map(idOf), reason }),
      ...options,
      ...others,
    })
  const writer = make()
  const write = (...ids: readonly string[]): void => {
    for (const id of ids) writer.write({ kind: 'trade', row: trade(id) })
  }
  const many = (count: number, from = 0): readonly string[] => Array.from({ length: count }, (_, i) => String(from + i))
  const codes = (): readonly string[] => errors.map(({ code }) => code)
  return { clock, database, disk, errors, lost, writer, make, write, many, codes, lines: () => disk.contents('w').lines }
}

describe('batches', () => {
  test('go when they are full, or after a while', async () => {
    const { clock, database, write, many } = world()
    write(...many(999))
    await clock.settle()
    expect(database.calls).toBe(0)
    write('999')
    await clock.settle()
    expect([database.calls, database.trades.size]).toEqual([1, 1_000])
    write('1000')
    await clock.advance(249)
    expect(database.calls).toBe(1)
    await clock.advance(1)
    expect([database.calls, database.trades.size]).toEqual([2, 1_001])
  })

  test('take along what waits, up to a bound', async () => {
    const { clock, database, writer, write, many } = world()
    write(...many(12_000))
    await clock.settle()
    expect([database.calls, database.trades.size]).toEqual([3, 12_000])
    expect(writer.status()).toMatchObject({ state: 'working', queued: 0, delivered: 12_000, inserted: 12_000, kept: 0 })
  })
})

describe('poison', () => {
  test.each(['poison-row', 'poison-bare'])('%s costs itself, and few attempts', async (id) => {
    const { clock, database, writer, write, many, lost, errors, codes, disk } = world({ withSpool: true })
    write(...many(600), id, ...many(399, 600))
    await clock.settle()
    expect(database.trades.size).toBe(999)
    expect(lost).toEqual([{ ids: [id], reason: 'rejected' }])
    expect(codes()).toEqual(['ROW_REJECTED'])
    expect(errors[0]?.context).toEqual({ kind: 'trade', exchange: 'okx', symbol: 'BTC-USDT', id })
    expect(database.calls).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(1_000)) + 3)
    expect(disk.contents('w').aside).toHaveLength(1)
    expect(writer.status()).toMatchObject({ state: 'working', rejected: 1, lost: 0, delivered: 999 })
  })

  test('an undecided row waits until others tell', async () => {
    const { clock, database, writer, write, lost } = world()
    write('poison-bare')
    await clock.advance(10_000)
    expect(lost).toEqual([])
    expect(writer.status()).toMatchObject({ state: 'away', queued: 1 })
    write('1')
    await clock.advance(30_000)
    expect(lost).toEqual([{ ids: ['poison-bare'], reason: 'rejected' }])
    expect(database.trades.has('1')).toBe(true)
    expect(writer.status().state).toBe('working')
  })

  test.each(['row', 'bare'] as const)('a broken table is not taken for poison (%s)', async (fault) => {
    const { clock, database, writer, write, many, lost } = world()
    database.broken = { table: 'trades', fault }
    write(...many(1_000))
    writer.write({ kind: 'candle', row: candle(0, 1) })
    await clock.advance(120_000)
    expect(lost).toEqual([])
    expect(database.candles.size).toBe(1)
    expect(writer.status()).toMatchObject({ state: 'away', queued: 1_000 })
    database.broken = undefined
    await clock.advance(60_000)
    expect([database.trades.size, writer.status().state]).toEqual([1_000, 'working'])
  })

  test('a long run of poison is not taken for a broken table', async () => {
    const { clock, database, write, many, lost } = world()
    write(...many(300).map((id) => `poison-row ${id}`), ...many(700))
    await clock.advance(120_000)
    expect(lost.length).toBe(300)
    expect(database.trades.size).toBe(700)
  })
})

describe('away', () => {
  test('rows wait in memory, and nobody is told twice', async () => {
    const { clock, database, writer, write, many, codes } = world()
    database.mood = 'down'
    write(...many(3_211))
    await clock.advance(12_000)
    expect(codes()).toEqual(['DATABASE_FAILED'])
    expect(writer.issues()).toEqual([
      expect.stringMatching(/^storage hostile: away for 12 s, 3211 rows wait: save on trades: hostile/),
    ])
    database.mood = 'up'
    await clock.advance(30_000)
    expect([database.trades.size, writer.status().queued]).toEqual([3_211, 0])
    expect(writer.issues()).toEqual([])
    database.mood = 'down'
    write('x')
    await clock.advance(1_000)
    expect(codes()).toEqual(['DATABASE_FAILED', 'DATABASE_FAILED'])
  })

  test('the oldest are left out when there is no room', async () => {
    const { clock, database, writer, write, many, lost, errors, codes } = world({
      maxQueuedRows: 100,
      batchRows: 10,
      maxBatchRows: 10,
    })
    database.mood = 'down'
    write(...many(100))
    await clock.advance(1_000)
    write(...many(50, 100))
    await clock.advance(1_000)
    expect(lost.flatMap(({ ids }) => ids)).toEqual(many(50))
    expect(codes()).toEqual(['DATABASE_FAILED', 'STORAGE_OVERFLOW'])
    expect(errors[1]?.context).toEqual({ kind: 'trade', exchange: 'okx', symbol: 'BTC-USDT', fromId: '0', toId: '49', rows: 50 })
    expect(writer.status()).toMatchObject({ queued: 100, lost: 50 })
    expect(writer.issues().join()).toContain('50 are lost')
  })

  test('half the bound goes to the spool, and comes back in order', async () => {
    const { clock, database, writer, write, many, lines, codes } = world({
      withSpool: true,
      maxQueuedRows: 1_000,
      batchRows: 100,
    })
    database.mood = 'down'
    write(...many(499))
    await clock.advance(1_000)
    expect(lines()).toHaveLength(0)
    write('499')
    await clock.settle()
    expect([lines().length, writer.status().queued]).toEqual([500, 0])
    for (let i = 0; i < 20; i++) {
      write(...many(50, 500 + i * 50))
      await clock.advance(250)
    }
    expect(lines()).toHaveLength(1_500)
    database.mood = 'up'
    await clock.advance(30_000)
    expect([...database.trades.keys()]).toEqual(many(1_500))
    expect(writer.status()).toMatchObject({ state: 'working', spooled: 0, lost: 0 })
    expect(codes()).toEqual(['DATABASE_FAILED'])
  })

  test('a call that hangs does not keep rows from the spool', async () => {
    const { clock, database, writer, write, many, lines } = world({ withSpool: true, maxQueuedRows: 1_000, batchRows: 100 })
    database.mood = 'hanging'
    write(...many(750))
    await clock.settle()
    expect([lines().length, writer.status().queued]).toEqual([750, 0])
  })

  test('a full disk is an issue, not the end', async () => {
    const { clock, database, disk, writer, write, many, codes } = world({ withSpool: true, maxQueuedRows: 100, batchRows: 10 })
    database.mood = 'down'
    disk.isFull = true
    write(...many(100))
    await clock.advance(60_000)
    expect(codes().filter((code) => code === 'SPOOL_FAILED')).toHaveLength(1)
    expect(writer.issues()).toContain('spool: append: the disk is full')
    disk.isFull = false
    await clock.advance(30_000)
    expect(writer.status()).toMatchObject({ spooled: 100, queued: 0, lost: 0 })
    expect(writer.issues().join()).not.toContain('full')
  })

  test('a spool that cannot be opened is done without, and tried again', async () => {
    const { clock, database, disk, writer, write, codes } = world({ withSpool: true })
    disk.cannotOpen = true
    write('1')
    await clock.advance(1_000)
    expect(database.trades.size).toBe(1)
    expect(codes()).toEqual(['SPOOL_FAILED'])
    disk.cannotOpen = false
    await clock.advance(60_000)
    expect(writer.issues()).toEqual([])
  })

  test('a repository that was closed gets nothing more', async () => {
    const { clock, database, writer, write, lost } = world()
    database.isClosed = true
    write('1')
    await clock.advance(1_000)
    expect(lost).toEqual([{ ids: ['1'], reason: 'given-up' }])
    expect(writer.issues()).toEqual([expect.stringContaining('storage hostile: closed')])
  })
})

describe('rows on two ways', () => {
  test('are not doubted when the repository answers while they are being spooled', async () => {
    const { clock, database, disk, writer, write, many, lines } = world({
      withSpool: true,
      maxQueuedRows: 100,
      batchRows: 10,
      maxBatchRows: 30,
    })
    database.maxLatencyMs = 50
    disk.maxLatencyMs = 400
    void writer.open()
    await clock.advance(500)
    write(...many(80))
    await clock.advance(1)
    write(...many(15, 80))
    await clock.advance(30_000)
    expect([...database.trades.keys()].sort()).toEqual([...many(95)].sort())
    expect([lines().length, writer.status().queued, writer.status().lost]).toEqual([0, 0, 0])
  })

  test('holes are told before a cursor passes them', async () => {
    const { clock, database, writer, write, many, lost } = world({ maxQueuedRows: 10, batchRows: 5, maxBatchRows: 20 })
    write(...many(15))
    const saved = writer.saveCursor(STREAM, { id: '14', timestamp: 1 })
    let told = -1
    database.onCursor = () => (told = lost.flatMap(({ ids }) => ids).length)
    await clock.advance(1_000)
    await saved
    expect(told).toBe(15 - database.trades.size)
    expect(told).toBeGreaterThan(0)
  })
})

describe('the spool of an earlier process', () => {
  test('is stored first; a damaged line costs that line', async () => {
    const { clock, database, disk, write, many, make, codes, lines } = world({ withSpool: true })
    database.mood = 'down'
    write(...many(3))
    const patience = AbortSignal.abort()
    const earlier = make()
    for (const id of ['a', 'b']) earlier.write({ kind: 'trade', row: trade(id) })
    const closing = earlier.close(patience)
    await clock.advance(100)
    await closing
    expect(lines()).toHaveLength(2)
    lines().splice(1, 0, 'damaged')
    database.mood = 'up'
    const later = make()
    await later.open()
    await clock.advance(30_000)
    expect([...database.trades.keys()]).toEqual(expect.arrayContaining(['a', 'b']))
    expect(disk.contents('w')).toEqual({ lines: [], aside: ['damaged'] })
    expect(codes()).toContain('ROW_REJECTED')
  })
})

describe('cursors', () => {
  test('are stored behind their trades, the latest of each stream', async () => {
    const { clock, database, writer, write } = world()
    write('1')
    const saved = [writer.saveCursor(STREAM, { id: '1', timestamp: 1 })]
    write('2')
    saved.push(writer.saveCursor(STREAM, { id: '2', timestamp: 2 }))
    expect(await writer.loadCursor(STREAM)).toEqual({ id: '2', timestamp: 2 })
    let stored = 0
    database.onCursor = () => stored++
    await clock.advance(250)
    await Promise.all(saved)
    expect([stored, database.cursors.get(STREAM)?.id]).toEqual([1, '2'])
    database.cursors.set(STREAM, { id: '9', timestamp: 9 })
    expect(await writer.loadCursor(STREAM)).toEqual({ id: '9', timestamp: 9 })
  })

  test('of an earlier process are found in the spool', async () => {
    const { clock, database, writer, write, make } = world({ withSpool: true })
    database.cursors.set(STREAM, { id: '1', timestamp: 1 })
    database.mood = 'down'
    write('5')
    const saved = writer.saveCursor(STREAM, { id: '5', timestamp: 5 })
    const closing = writer.close(AbortSignal.abort())
    await clock.advance(100)
    await Promise.all([saved, closing])
    expect(await make().loadCursor(STREAM)).toEqual({ id: '5', timestamp: 5 })
  })

  test('reject when their trades are given up', async () => {
    const { clock, database, writer, write, lost } = world()
    database.mood = 'down'
    write('1')
    const saved = expect(writer.saveCursor(STREAM, { id: '1', timestamp: 1 })).rejects.toMatchObject({
      code: 'CURSOR_FAILED',
      context: { stream: STREAM },
      cause: { code: 'STORAGE_OVERFLOW', context: { rows: 1 } },
    })
    const patience = new AbortController()
    const closing = writer.close(patience.signal)
    await clock.advance(60_000)
    expect(lost).toEqual([])
    patience.abort()
    await Promise.all([saved, closing])
    expect(lost).toEqual([{ ids: ['1'], reason: 'given-up' }])
    writer.write({ kind: 'trade', row: trade('2') })
    expect(lost).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })
})

describe('gaps', () => {
  test('are stored before the cursor behind them, and count as filled behind their trades', async () => {
    const { clock, database, writer, write } = world()
    const order: string[] = []
    database.onGap = ({ fromId, filled }) => order.push(`${filled ? 'filled' : 'open'} ${fromId}, ${database.trades.size} trades`)
    database.onCursor = (_stream, { id }) => order.push(`cursor ${id}`)
    write('1')
    const saved = [writer.saveGaps([gapOf('2')])]
    write('3')
    saved.push(writer.saveCursor(STREAM, { id: '3', timestamp: 1 }))
    write('2')
    saved.push(writer.saveGaps([gapOf('2', true)]), writer.saveCursor(STREAM, { id: '3', timestamp: 2 }))
    await clock.advance(250)
    await Promise.all(saved)
    expect(order).toEqual(['open 2, 3 trades', 'filled 2, 3 trades', 'cursor 3'])
    expect(database.gaps.get('["2","2"]')).toMatchObject({ filled: true, trades: undefined })
  })

  test('a cursor that was there before the rows is stored before them', async () => {
    const { clock, database, writer, write } = world()
    const order: string[] = []
    database.onCursor = (_stream, { id }) => order.push(`cursor ${id}, ${database.trades.size} trades`)
    const saved = [writer.saveCursor(STREAM, { id: '0', timestamp: 1 })]
    write('1', '2')
    saved.push(writer.saveCursor(STREAM, { id: '2', timestamp: 2 }))
    await clock.advance(250)
    await Promise.all(saved)
    expect(order).toEqual(['cursor 0, 0 trades', 'cursor 2, 2 trades'])
  })

  test('… also when a full batch is due before it; one that cannot be stored is not waited for', async () => {
    const { clock, database, writer, write, many } = world()
    const order: string[] = []
    database.onCursor = (_stream, { id }) => order.push(`cursor ${id}, ${database.trades.size} trades`)
    void writer.saveCursor(STREAM, { id: '0', timestamp: 1 })
    write(...many(1_000))
    await clock.settle()
    expect([order, database.trades.size]).toEqual([['cursor 0, 0 trades'], 1_000])
    database.broken = { table: 'cursors', fault: 'away' }
    void writer.saveCursor(STREAM, { id: '999', timestamp: 1 })
    await clock.advance(250)
    write(...many(1_000, 1_000))
    await clock.settle()
    expect(database.trades.size).toBe(2_000)
  })

  test('a cursor that was there before the rows does not wait for them', async () => {
    const { clock, database, writer, write } = world()
    const order: string[] = []
    database.onCursor = (_stream, { id }) => order.push(`cursor ${id}, ${database.trades.size} trades`)
    database.broken = { table: 'trades', fault: 'away' }
    const saved = [writer.saveCursor(STREAM, { id: '0', timestamp: 1 })]
    write('1', '2')
    saved.push(writer.saveCursor(STREAM, { id: '2', timestamp: 2 }))
    await clock.advance(10_000)
    expect(order).toEqual(['cursor 0, 0 trades'])
    database.broken = undefined
    await clock.advance(30_000)
    await Promise.all(saved)
    expect(order).toEqual(['cursor 0, 0 trades', 'cursor 2, 2 trades'])
  })

  test('hold back the cursor behind them for as long as they cannot be stored; the rows do not wait', async () => {
    const { clock, database, writer, write } = world()
    database.broken = { table: 'gaps', fault: 'bare' }
    write('1')
    const gap = writer.saveGaps([gapOf('2')])
    write('3')
    const cursor = writer.saveCursor(STREAM, { id: '3', timestamp: 1 })
    await clock.advance(60_000)
    expect([[...database.trades.keys()], database.cursors.size]).toEqual([['1', '3'], 0])
    database.broken = undefined
    await clock.advance(60_000)
    await Promise.all([gap, cursor])
    expect([database.gaps.size, database.cursors.get(STREAM)?.id]).toEqual([1, '3'])
  })

  test('one that the repository refuses is told to whoever saves it', async () => {
    const { clock, database, writer, codes } = world()
    database.broken = { table: 'gaps', fault: 'row' }
    const saved = expect(writer.saveGaps([gapOf('2')])).rejects.toMatchObject({ code: 'DATABASE_FAILED' })
    await clock.advance(1_000)
    await saved
    expect(codes()).toEqual(['ROW_REJECTED'])
    expect(await writer.openGaps(STREAM)).toEqual([])
  })

  test('that wait in memory are open, those that were filled meanwhile are not', async () => {
    const { clock, database, writer } = world()
    database.gaps.set('["1","1"]', gapOf('1'))
    database.gaps.set('["2","2"]', gapOf('2'))
    database.broken = { table: 'gaps', fault: 'away' }
    void writer.saveGaps([gapOf('2', true), gapOf('3'), gapOf('4'), gapOf('4', true)])
    expect((await writer.openGaps(STREAM)).map(({ fromId }) => fromId)).toEqual(['1', '3'])
    expect(await writer.openGaps('another')).toEqual([])
    database.broken = undefined
    await clock.advance(60_000)
    expect((await writer.openGaps(STREAM)).map(({ fromId }) => fromId)).toEqual(['1', '3'])
  })

  test('of an earlier process are found in the spool, and stored from there in order', async () => {
    const { clock, database, writer, write, make, lines } = world({ withSpool: true })
    database.mood = 'down'
    write('1')
    const saved = [writer.saveGaps([gapOf('2'), gapOf('7')]), writer.saveCursor(STREAM, { id: '9', timestamp: 5 })]
    write('7')
    saved.push(writer.saveGaps([gapOf('7', true)]))
    const closing = writer.close(AbortSignal.abort())
    await clock.advance(100)
    await Promise.all([...saved, closing])
    expect(lines()).toHaveLength(6)
    const next = make()
    expect(await next.loadCursor(STREAM)).toMatchObject({ id: '9' })
    expect(await next.openGaps(STREAM)).toEqual([gapOf('2')])
    database.mood = 'up'
    await next.open()
    await clock.advance(60_000)
    expect([database.cursors.get(STREAM)?.id, [...database.trades.keys()], lines()]).toEqual(['9', ['1', '7'], []])
    expect([...database.gaps.values()].map(({ fromId, filled }) => [fromId, filled])).toEqual([
      ['2', false],
      ['7', true],
    ])
    expect(await next.openGaps(STREAM)).toEqual([gapOf('2')])
  })

  test('are the last to go when there is no room for more, and whoever saves them is told', async () => {
    const { clock, database, writer, write, many, lost } = world({ maxQueuedRows: 20, batchRows: 10 })
    database.mood = 'down'
    const saves = [writer.saveGaps([gapOf('1')])]
    write(...many(100))
    expect(lost.flatMap(({ ids }) => ids)).not.toContain('gap')
    saves.push(...many(30).map((id) => writer.saveGaps([gapOf(`x${id}`)])))
    const outcomes = Promise.allSettled(saves)
    database.mood = 'up'
    await clock.advance(60_000)
    expect((await outcomes).filter(({ status }) => status === 'rejected').length).toBe(31 - database.gaps.size)
    expect(database.gaps.size).toBe(20)
    expect(writer.status()).toMatchObject({ queued: 0 })
  })

  test('where none are kept, whoever saves one waits for the rows before it', async () => {
    const { clock, database } = world()
    const without = Object.assign(database.repository(), { saveGaps: undefined, openGaps: undefined })
    const writer = new StorageWriter({ name: 'w', repositories: { rawTrades: without }, clock })
    await writer.saveGaps([gapOf('1')])
    expect(await writer.openGaps(STREAM)).toEqual([])
    database.mood = 'down'
    writer.write({ kind: 'trade', row: trade('1') })
    let isSaved = false
    void writer.saveGaps([gapOf('1')]).then(() => (isSaved = true))
    await clock.advance(1_000)
    expect(isSaved).toBe(false)
    database.mood = 'up'
    await clock.advance(60_000)
    expect([isSaved, database.gaps.size]).toEqual([true, 0])
  })
})

describe('flush', () => {
  test('needs no batch to be full', async () => {
    const { clock, database, writer, write } = world()
    write('1')
    const flushed = writer.flush()
    await clock.settle()
    await flushed
    expect(database.trades.size).toBe(1)
  })

  test('takes no detour over the spool while the repository works, however slowly', async () => {
    const { clock, database, disk, writer, write, many } = world({ withSpool: true, maxQueuedRows: 100 })
    database.maxLatencyMs = 100
    write(...many(60))
    const flushed = writer.flush()
    await clock.settle()
    expect(disk.appends).toBe(0)
    await clock.advance(1_000)
    await flushed
    expect(database.trades.size).toBe(60)
  })

  test('drains the spool when it can, and else leaves the rows in it', async () => {
    const { clock, database, writer, write, many, lines } = world({ withSpool: true })
    database.mood = 'down'
    write(...many(10))
    await clock.advance(1_000)
    const first = writer.flush()
    await clock.settle()
    await first
    expect(lines()).toHaveLength(10)
    database.mood = 'up'
    await clock.advance(30_000)
    write('x')
    const second = writer.flush()
    await clock.settle()
    await second
    expect([lines().length, database.trades.size]).toEqual([0, 11])
  })
})

test('what the host throws costs nothing', async () => {
  const { clock, database, writer, write } = world({
    onError: () => {
      throw new Error('broken')
    },
    onLost: () => {
      throw new Error('broken')
    },
  })
  write('1', 'poison-row', '2')
  writer.write({ kind: 'trade', row: undefined } as unknown as StorageRecord)
  await clock.advance(250)
  expect(database.trades.size).toBeLessThanOrEqual(2)
})

describe('one table that takes nothing', () => {
  const put = {
    trades: (writer: StorageWriter, n: number) => writer.write({ kind: 'trade', row: trade(String(n)) }),
    candles: (writer: StorageWriter, n: number) => writer.write({ kind: 'candle', row: candle(n * 60_000, 1) }),
    frames: (writer: StorageWriter, n: number) =>
      writer.write({ kind: 'frame', row: { ...trade(''), id: `f${n}`, topic: 'trades', text: '{}' } }),
    gaps: (writer: StorageWriter, n: number) => void writer.saveGaps([gapOf(String(n))]).catch(() => undefined),
    cursors: (writer: StorageWriter, n: number) =>
      void writer.saveCursor(STREAM, { id: String(n), timestamp: n }).catch(() => undefined),
  }
  const TABLES = ['trades', 'candles', 'frames', 'gaps', 'cursors'] as const
  /** What may not pass it by. */
  const BEHIND: Readonly<Record<string, readonly string[]>> = {
    trades: ['gaps', 'cursors'],
    candles: ['gaps', 'cursors'],
    gaps: ['cursors'],
  }
  const flow = async (w: ReturnType<typeof world>, seconds: number, from: number): Promise<void> => {
    for (let n = from; n < from + seconds * 10; n++) {
      for (const table of TABLES) put[table](w.writer, n)
      await w.clock.advance(100)
    }
  }

  test.each(TABLES.flatMap((table) => [false, true].map((withSpool) => ({ table, withSpool }))))(
    '$table: the others go on, it is asked ever less often, and nothing is lost (spool: $withSpool)',
    async ({ table, withSpool }) => {
      const w = world({ withSpool, maxQueuedRows: 2_000 })
      const { database, writer, clock, codes, errors } = w
      const sizeOf = (name: string): number =>
        name === 'cursors' ? Number(database.cursors.get(STREAM)?.id) : database[name as 'trades'].size
      await flow(w, 2, 0)
      database.broken = { table, fault: 'away' }
      const before = writer.status().failures
      await flow(w, 60, 20)
      const failures = writer.status().failures - before
      expect(failures).toBeGreaterThan(2)
      expect(failures).toBeLessThan(20)
      for (const other of TABLES) {
        if (other === table || BEHIND[table]?.includes(other) === true) expect(sizeOf(other), other).toBeLessThan(30)
        else expect(sizeOf(other), other).toBeGreaterThan(600)
      }
      expect(codes()).toEqual(['DATABASE_FAILED'])
      expect(errors[0]?.message).toContain(`save on ${table}: hostile`)
      expect(writer.issues().join()).toMatch(
        new RegExp(`^storage hostile: ${table} cannot be stored for \\d+ s, .*save on ${table}: hostile`),
      )
      expect(writer.status()).toMatchObject({ state: 'away', lost: 0 })
      database.broken = undefined
      await clock.advance(60_000)
      for (const each of TABLES) expect(sizeOf(each), each).toBeGreaterThanOrEqual(619)
      expect(writer.status()).toMatchObject({ state: 'working', queued: 0, spooled: 0, lost: 0, awaySince: undefined })
    },
  )

  test('what an outage left in the spool is stored, too, but for what belongs into that table', async () => {
    const w = world({ withSpool: true, maxQueuedRows: 100, maxBatchRows: 50, batchRows: 10 })
    const { database, disk, writer, clock } = w
    database.mood = 'down'
    await flow(w, 60, 0)
    expect(disk.contents('w').lines.length).toBeGreaterThan(2_000)
    database.mood = 'up'
    database.broken = { table: 'candles', fault: 'away' }
    await flow(w, 60, 600)
    expect([database.trades.size, database.frames.size, database.candles.size]).toEqual([
      expect.closeTo(1_200, -1.5),
      expect.closeTo(1_200, -1.5),
      0,
    ])
    database.broken = undefined
    await clock.advance(120_000)
    expect([database.trades.size, database.candles.size, database.cursors.get(STREAM)?.id]).toEqual([1_200, 1_200, '1199'])
    expect(writer.status()).toMatchObject({ state: 'working', queued: 0, spooled: 0, lost: 0 })
  })

  test('two of them are told one by one', async () => {
    const w = world()
    const refuse = (table: string) => () =>
      Promise.reject(
        new DatabaseOperationError(`permission denied for table ${table}`, { operation: 'save', table, fault: 'away' }),
      )
    const repository = { ...w.database.repository(), saveFrames: refuse('frames'), saveCandles: refuse('candles') }
    const writer = w.make({ repositories: { rawTrades: repository, marketData: repository } })
    await flow({ ...w, writer }, 20, 0)
    expect(w.errors.map(({ message }) => message)).toEqual([
      'save on candles: permission denied for table candles',
      'save on frames: permission denied for table frames',
    ])
    expect(writer.issues()).toEqual([
      expect.stringMatching(/candles cannot be stored for .* denied for table candles$/),
      expect.stringMatching(/frames cannot be stored for .* denied for table frames$/),
    ])
    Object.assign(repository, w.database.repository())
    await w.clock.advance(60_000)
    expect([w.database.candles.size, w.database.frames.size, writer.issues()]).toEqual([200, 200, []])
  })

  test('in an outage of everything, it is told once', async () => {
    const w = world()
    w.database.mood = 'down'
    await flow(w, 10, 0)
    expect(w.codes()).toEqual(['DATABASE_FAILED'])
    expect(w.writer.issues()).toEqual([expect.stringMatching(/^storage hostile: away for \d+ s, \d+ rows wait: /)])
  })
})

test.each([-600_000, 600_000])('the wall clock is stepped by %i ms: rows wait as long as ever', async (ms) => {
  const { clock, database, writer, write } = world()
  write('1')
  clock.stepWall(ms)
  await clock.advance(249)
  expect(database.calls).toBe(0)
  await clock.advance(1)
  expect(database.trades.size).toBe(1)
  database.mood = 'down'
  write('2')
  await clock.advance(5_000)
  clock.stepWall(ms)
  expect(writer.issues()).toEqual([expect.stringMatching(/away for 4 s/)])
  database.mood = 'up'
  await clock.advance(30_000)
  expect(database.trades.size).toBe(2)
})
