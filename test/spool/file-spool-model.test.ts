import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFileSpool } from 'tapekeeper/node'
import { encodeBatch } from '../../src/spool/batch.ts'
import { anyLine, copyOf, drained, keepingLogger, newDirectory, scanned, segmentsIn } from './spool-world.ts'
import fc from '../support/fast-check.ts'
import { property } from '../support/runs.ts'

/** A lane against the plainest model of it: an array, of which `dropped` lines are gone. */

const lines = fc.array(anyLine, { minLength: 1, maxLength: 6 })
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('append' as const), lines }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('drain' as const),
      read: fc.nat(12),
      dropShare: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('drain everything' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('scan' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('crash' as const),
      torn: lines,
      tornShare: fc.double({ min: 0, max: 0.999, noNaN: true }),
      isNewSegment: fc.boolean(),
      // Of the position nothing is promised but that it is not ahead.
      position: fc.constantFrom('kept', 'lost', 'older', 'damaged'),
    }),
  },
)

test('whatever is done, and wherever it crashes, the lines are those of the model', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), fc.integer({ min: 60, max: 400 }), async (actions, segmentBytes) => {
      const directory = newDirectory()
      const logger = keepingLogger()
      const open = async (where: string) => {
        const lane = createFileSpool({ directory: where, segmentBytes, fsync: false, logger }).lane('l')
        await lane.open()
        return lane
      }
      let lane = await open(directory)
      const all: string[] = []
      let dropped = 0
      const positionFile = join(directory, 'l', 'position')
      let olderPosition = readFileSync(positionFile)
      const drop = async (count: number) => {
        olderPosition = readFileSync(positionFile)
        await lane.drop(count)
        dropped += count
      }
      try {
        for (const step of actions) {
          const waiting = all.slice(dropped)
          if (step.type === 'append') {
            await lane.append(step.lines)
            all.push(...step.lines)
          } else if (step.type === 'drain') {
            const read = await lane.read(step.read)
            expect(read).toEqual(waiting.slice(0, step.read))
            await drop(Math.floor(read.length * step.dropShare))
          } else if (step.type === 'drain everything') {
            await drop(waiting.length)
            expect(await lane.read(1)).toEqual([])
            expect(segmentsIn(join(directory, 'l'))).toEqual([])
            expect(lane.bytes).toBe(0)
          } else if (step.type === 'scan') {
            expect(await scanned(lane)).toEqual(waiting)
          } else if (step.type === 'reopen') {
            await lane.close()
            lane = await open(directory)
          } else {
            const copy = copyOf(directory)
            const folder = join(copy, 'l')
            const batch = encodeBatch(step.torn)
            const last = segmentsIn(folder).at(-1)
            const torn = step.isNewSegment || last === undefined ? '000000999999.spool' : last
            appendFileSync(join(folder, torn), batch.subarray(0, Math.floor(batch.length * step.tornShare)))
            if (step.position === 'lost') rmSync(join(folder, 'position'))
            if (step.position === 'damaged') writeFileSync(join(folder, 'position'), 'nonsense')
            if (step.position === 'older') writeFileSync(join(folder, 'position'), olderPosition)
            const revived = await open(copy)
            const found = await scanned(revived)
            expect(revived.lines).toBe(found.length)
            if (step.position === 'kept') expect(found).toEqual(waiting)
            expect(found.length).toBeGreaterThanOrEqual(waiting.length)
            expect(found).toEqual(all.slice(all.length - found.length))
            expect(await revived.read(1_000)).toEqual(found)
            await revived.append(['after'])
            await revived.close()
            const again = await open(copy)
            expect(await drained(again)).toEqual([...found, 'after'])
            await again.close()
          }
          expect(lane.lines).toBe(all.length - dropped)
          expect(lane.bytes > 0).toBe(segmentsIn(join(directory, 'l')).length > 0)
        }
      } finally {
        await lane.close()
      }
      expect(logger.messages).toEqual([])
    }),
    property({ quick: 30, deep: 150 }),
  )
})

test('a flipped bit costs its batch alone, is reported once and held for people', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(lines, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 60, max: 600 }),
      fc.nat(),
      fc.boolean(),
      async (batches, segmentBytes, chance, isReopened) => {
        const directory = newDirectory()
        const logger = keepingLogger()
        const spool = createFileSpool({ directory, segmentBytes, fsync: false, logger })
        const folder = join(directory, 'l')
        let lane = spool.lane('l')
        await lane.open()
        for (const batch of batches) await lane.append(batch)
        // Which batch stands where, in the order of the segments.
        const ends = batches
          .map((batch) => encodeBatch(batch).length)
          .reduce<number[]>((sums, size) => [...sums, (sums.at(-1) ?? 0) + size], [])
        const bit = chance % (ends.at(-1)! * 8)
        const hit = ends.findIndex((end) => bit < end * 8)
        let before = 0
        for (const name of segmentsIn(folder)) {
          const bytes = readFileSync(join(folder, name))
          const at = (bit >> 3) - before
          before += bytes.length
          if (at < 0 || at >= bytes.length) continue
          bytes[at]! ^= 1 << (bit & 7)
          writeFileSync(join(folder, name), bytes)
        }
        if (isReopened) {
          await lane.close()
          lane = spool.lane('l')
          await lane.open()
        }
        const left = batches.filter((_, index) => index !== hit).flat()
        if (isReopened) expect(lane.lines).toBe(left.length)
        expect(await scanned(lane)).toEqual(left)
        expect(await drained(lane, 3)).toEqual(left)
        expect(lane.lines).toBe(0)
        expect(lane.bytes).toBe(0)
        expect(segmentsIn(folder)).toEqual([])
        expect(logger.messages).toHaveLength(1)
        expect(logger.messages[0]).toMatch(/damaged and left out; what is left of them is in set-aside/)
        const aside = readFileSync(join(folder, 'set-aside.ndjson'), 'utf8').trimEnd().split('\n')
        expect(aside.map((line) => JSON.parse(line) as unknown)).toMatchObject([
          { damaged: { bytes: encodeBatch(batches[hit]!).length } },
        ])
        // What comes afterwards is not touched by it.
        await lane.append(['after'])
        expect(await lane.read(9)).toEqual(['after'])
        await lane.close()
        expect(existsSync(join(folder, 'set-aside.ndjson'))).toBe(true)
      },
    ),
    property({ quick: 30, deep: 150 }),
  )
})
