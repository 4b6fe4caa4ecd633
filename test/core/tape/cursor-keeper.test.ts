import { describe, expect, test } from 'vitest'
import type { Gap } from '../../../src/domain/gap.ts'
import { DatabaseOperationError } from '../../../src/errors/database-operation-error.ts'
import { createMemoryCursorStore, type CursorStore, type TapeCursor } from '../../../src/ports/cursor-store.ts'
import { inVirtualTime } from '../../support/test-ports.ts'
import { createTapeWorld, HOUR, RestHistory, SECOND, START, story, type TapeWorld, type TapeWorldOptions } from './tape-world.ts'

const down = () => Promise.reject(new Error('down'))
const stop = (world: TapeWorld): Promise<void> => inVirtualTime(world.clock, world.tape.close(true))

/** Says in one list what was saved, and in which order. */
function recordingStore(withGaps = true) {
  const inner = createMemoryCursorStore()
  const said: string[] = []
  const saved: TapeCursor[] = []
  let fails: Error | undefined
  const store: CursorStore = {
    load: (stream) => inner.load(stream),
    save(stream, cursor) {
      said.push(`cursor ${cursor.id}`)
      saved.push(cursor)
      return inner.save(stream, cursor)
    },
    ...(withGaps && {
      async saveGaps(gaps: readonly Gap[]) {
        if (fails !== undefined) throw fails
        for (const { filled, fromId, toId, trades } of gaps)
          said.push(`${filled ? 'filled' : 'open'} ${fromId}..${toId}${trades === undefined ? '' : ' with trades'}`)
        await inner.saveGaps(gaps)
      },
      openGaps: (stream: string) => inner.openGaps(stream),
    }),
  }
  return { store, inner, said, saved, fail: (error: Error | undefined) => (fails = error) }
}

async function open(options: TapeWorldOptions): Promise<TapeWorld> {
  const world = createTapeWorld(options)
  await world.tape.open()
  return world
}

/** One trade a second, from this id on. */
async function trade(world: TapeWorld, first: number, last: number): Promise<void> {
  for (let id = first; id <= last; id++) {
    world.live(id)
    await world.clock.advance(SECOND)
  }
}

describe('a store that keeps gaps', () => {
  test('gets the gap before the cursor behind it, and that it was filled after its trades were told', async () => {
    const { store, said } = recordingStore()
    const world = await open({ cursorStore: store, onGap: ({ filled }) => said.push(filled ? 'told: filled' : 'told: open') })
    await trade(world, 1, 2)
    world.rest.script = down
    await trade(world, 5, 25)
    world.rest.script = undefined
    await trade(world, 26, 80)
    const kept = said.filter((word, i) => !word.startsWith('cursor') || !said[i + 1]?.startsWith('cursor'))
    expect(kept).toEqual([
      'cursor 2',
      'told: open',
      'open 3..4',
      expect.stringMatching(/^cursor \d+$/),
      'told: filled',
      'filled 3..4',
      expect.stringMatching(/^cursor \d+$/),
    ])
    await stop(world)
  })

  test.each([
    ['slow', undefined],
    ['failing', new Error('no room')],
  ])('with a %s one no cursor goes behind a gap that is not stored, however long that takes', async (_name, error) => {
    const recorded = recordingStore()
    const { store, said, fail } = recorded
    const slow: CursorStore = {
      ...store,
      saveGaps: async (gaps) => {
        if (error === undefined) await new Promise<void>((resolve) => void world.clock.after(60 * SECOND, resolve))
        await store.saveGaps?.(gaps)
      },
    }
    const world = await open({ cursorStore: slow })
    await trade(world, 1, 2)
    world.rest.script = down
    fail(error)
    await trade(world, 5, 60)
    expect(story(world.log)).toContain('[3..4 rest-failed]')
    expect(said.filter((word) => !/^cursor [012]$/.test(word))).toEqual([])
    fail(undefined)
    await trade(world, 61, 120)
    expect(said.findIndex((word) => word === 'open 3..4')).toBeLessThan(said.findIndex((word) => /^cursor [1-9]\d/.test(word)))
    expect(said.at(-1)).toMatch(/^cursor [1-9]\d/)
    await stop(world)
    expect(world.clock.pending).toBe(0)
  })

  test('one that refuses a gap for what it is has said so, and is not asked for ever', async () => {
    const { store, said, fail } = recordingStore()
    const world = await open({ cursorStore: store })
    await trade(world, 1, 2)
    world.rest.script = down
    fail(new DatabaseOperationError('too long', { operation: 'saveGaps', table: 'gaps', fault: 'row' }))
    await trade(world, 5, 40)
    expect(said.at(-1)).toMatch(/^cursor [34]\d$/)
    await stop(world)
  })

  test('the next tape takes the gaps up: they are filled, and not announced as new', async () => {
    const { store, inner } = recordingStore()
    const first = await open({ cursorStore: store })
    await trade(first, 1, 2)
    first.rest.script = down
    await trade(first, 5, 25)
    await stop(first)
    expect(first.log.gaps).toHaveLength(1)
    expect(await inner.openGaps('acme trades')).toMatchObject([{ fromId: '3', toId: '4', missing: 2 }])

    const second = await open({ cursorStore: store })
    await trade(second, 28, 60)
    expect(story(second.log)).toMatch(/^26\* 27\* 28 29 /)
    expect(second.log.gaps).toEqual([])
    expect(second.log.filled).toMatchObject([{ fromId: '3', toId: '4', reason: 'rest-failed', filled: true }])
    expect(second.log.filled[0]?.trades?.map(({ data }) => data.id)).toEqual(['3', '4'])
    // It has not counted them as missing either.
    expect(second.report()).toMatchObject({ missing: 0, delivered: 35 })
    await stop(second)
    expect(await inner.openGaps('acme trades')).toEqual([])
    const third = await open({ cursorStore: store })
    await trade(third, 61, 90)
    expect(third.log.filled).toEqual([])
    await stop(third)
  })

  test('that cannot be read at the start is asked again, beside everything else', async () => {
    const { store, inner } = recordingStore()
    await inner.save('acme trades', { id: '10', timestamp: START })
    await inner.saveGaps([gapOf('3', '4')])
    let calls = 0
    const openGaps = (stream: string) => (++calls < 4 ? Promise.reject(new Error('away')) : inner.openGaps(stream))
    const world = await open({ cursorStore: { ...store, openGaps } })
    await trade(world, 11, 80)
    expect(story(world.log)).toMatch(/^11 12 /)
    expect(world.log.filled).toMatchObject([{ fromId: '3' }])
    expect(calls).toBe(4)
    await stop(world)
    expect(world.clock.pending).toBe(0)
  })

  test('gaps of other reasons are stored, too, and not looked for', async () => {
    const { store, inner } = recordingStore()
    const rest = new RestHistory()
    rest.timeOf = () => START - 2 * HOUR
    await inner.save('acme trades', { id: '10', timestamp: START - 2 * HOUR })
    const world = await open({ cursorStore: store, rest })
    await trade(world, 2_000, 2_005)
    expect(await inner.openGaps('acme trades')).toMatchObject([{ fromId: '11', toId: '1999', reason: 'too-old' }])
    await stop(world)
    const second = await open({ cursorStore: store })
    await trade(second, 2_006, 2_080)
    expect(second.log.filled).toEqual([])
    expect(await inner.openGaps('acme trades')).toHaveLength(1)
    await stop(second)
  })

  test('while it does not answer, more than a thousand gaps become fewer: neighbours are joined', async () => {
    const { store, inner } = recordingStore()
    let release: () => void = () => undefined
    const hanging = new Promise<void>((resolve) => (release = resolve))
    const saveGaps = async (gaps: readonly Gap[]): Promise<void> => {
      await hanging
      await store.saveGaps?.(gaps)
    }
    const world = await open({ cursorStore: { ...store, saveGaps }, noRest: true, settings: { reorderGraceMs: 0 } })
    for (let i = 0; i < 1_500; i++) {
      world.live(1 + 2 * i)
      await world.clock.advance(SECOND / 10)
    }
    release()
    await world.clock.advance(5 * SECOND)
    expect(world.log.gaps).toHaveLength(1_499)
    const kept = await inner.openGaps('acme trades')
    expect(kept.length).toBeLessThan(1_050)
    expect(kept.reduce((sum, { missing = 0 }) => sum + missing, 0)).toBe(1_499)
    await stop(world)
    expect(await inner.load('acme trades')).toMatchObject({ id: '2999' })
  })
})

const gapOf = (fromId: string, toId: string): Gap => ({
  exchange: 'acme',
  symbol: 'ABC-USD',
  stream: 'acme trades',
  fromId,
  toId,
  fromTime: START,
  toTime: START,
  missing: 2,
  reason: 'rest-failed',
  filled: false,
  trades: undefined,
  at: START,
})

describe('a store that keeps no gaps', () => {
  test('keeps the cursor before the first gap that is looked for, and after each filling before the next', async () => {
    const { store, saved } = recordingStore(false)
    const world = await open({ cursorStore: store })
    await trade(world, 1, 2)
    world.rest.script = down
    await trade(world, 5, 200)
    await trade(world, 203, 230)
    expect(story(world.log)).toMatch(/\[3\.\.4 rest-failed\].*\[201\.\.202 rest-failed\]/)
    expect(saved.at(-1)).toMatchObject({ id: '2', timestamp: START + SECOND })
    // The first gap can be found, and not yet the second.
    world.rest.script = (before) => (before > 10 ? Promise.resolve([]) : undefined)
    await trade(world, 231, 330)
    expect(world.log.filled).toHaveLength(1)
    expect(saved.at(-1)).toMatchObject({ id: '200' })
    world.rest.script = undefined
    await trade(world, 331, 560)
    expect(world.log.filled).toHaveLength(2)
    expect(Number(saved.at(-1)?.id)).toBeGreaterThan(550)
    await stop(world)
  })

  test('a stop in between keeps it there: the next tape reads everything behind it again', async () => {
    const { store } = recordingStore(false)
    const first = await open({ cursorStore: store })
    await trade(first, 1, 2)
    first.rest.script = down
    await trade(first, 5, 30)
    await stop(first)
    const second = await open({ cursorStore: store })
    second.live(31)
    await second.clock.advance(SECOND)
    expect(story(second.log)).toMatch(/^3\* 4\* 5\* .* 30\* 31$/)
    await stop(second)
  })

  test('goes on when a gap is looked for no longer', async () => {
    const { store, saved } = recordingStore(false)
    const world = await open({ cursorStore: store })
    world.rest.absent.add(3)
    await trade(world, 1, 2)
    await trade(world, 4, 10)
    expect(story(world.log)).toBe('1 2 [3 rest-short] 4 5 6 7 8 9 10')
    expect(saved.at(-1)?.id).toBe('2')
    await world.clock.advance(2 * HOUR)
    expect(world.clock.pending).toBe(0)
    expect(saved.at(-1)?.id).toBe('10')
    await stop(world)
  })

  test('does not wait for a gap that nobody looks for', async () => {
    const { store, saved } = recordingStore(false)
    const world = await open({ cursorStore: store, noRest: true })
    await trade(world, 1, 2)
    await trade(world, 5, 10)
    expect(story(world.log)).toContain('[3..4 unprovable]')
    expect(Number(saved.at(-1)?.id)).toBeGreaterThanOrEqual(9)
    await stop(world)
  })
})
