import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createPostgresRepository } from 'tapekeeper/postgres'
import { startFakeExchange } from 'tapekeeper/testing'
import { postgresMissing, startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { IN_ORDER, Scene, type CollectingProcess, type CollectingSetup } from './collecting-process.ts'
import { expectEveryFill, newestId, spoolBytes } from './truth.ts'
import { size } from '../../support/runs.ts'

const SYMBOL = 'BTC-USDT'

interface Case {
  readonly what: string
  readonly server: TestPostgres
  readonly spool: 'working' | 'failing' | 'none'
  readonly isForced?: boolean
}

interface Collected extends Case {
  readonly setup: CollectingSetup
  readonly collecting: CollectingProcess
}

describe.skipIf(postgresMissing !== undefined)('stopped while the database is away', () => {
  test('a collector ends in time and its process by itself; the next one makes the tape whole', async () => {
    await using scene = new Scene()
    const [killed, frozen] = await Promise.all([startPostgres(), startPostgres()])
    await using fake = await startFakeExchange({
      instruments: [SYMBOL],
      tradesPerSecond: 50,
      bookUpdatesPerSecond: 0,
      historyMs: 5_000,
      // As if each of them were on a machine of its own.
      enforceDialLimit: false,
      enforceRestLimits: false,
    })
    const cases: readonly Case[] = [
      { what: 'killed', server: killed, spool: 'working' },
      { what: 'frozen', server: frozen, spool: 'working' },
      { what: 'killed, no spool', server: killed, spool: 'none' },
      { what: 'killed, forced', server: killed, spool: 'working', isForced: true },
      { what: 'killed, spool fails', server: killed, spool: 'failing' },
      { what: 'frozen, no spool', server: frozen, spool: 'none' },
      { what: 'frozen, forced, no spool', server: frozen, spool: 'none', isForced: true },
    ]
    const directoryOf = (spool: Case['spool']): string => {
      const path = join(scene.directory(), 'spool')
      // Where a directory should be is a file.
      if (spool === 'failing') writeFileSync(path, '')
      return path
    }
    const begin = async (each: Case): Promise<Collected> => {
      const setup: CollectingSetup = {
        endpoints: fake.endpoints,
        symbols: [SYMBOL],
        timeframes: ['1s'],
        postgres: await each.server.createDatabase(),
        statementTimeoutMs: 1_000,
        ...(each.spool !== 'none' && { spool: directoryOf(each.spool) }),
        storage: { batchRows: 10, maxBatchRows: 10 },
      }
      return { ...each, setup, collecting: scene.collect(setup) }
    }
    try {
      const all: Collected[] = []
      for (const each of cases.slice(0, size({ quick: 3, deep: cases.length }))) all.push(await begin(each))
      for (const { what, collecting } of all)
        await collecting.until(`${what}: rows are stored`, () => (collecting.status?.delivered ?? 0) > 50)
      await killed.kill()
      frozen.freeze()
      for (const { what, collecting } of all)
        await collecting.until(`${what}: it is away`, () => collecting.status?.state === 'away' && collecting.status.queued > 50)

      await Promise.all(
        all.map(async ({ what, collecting, isForced = false, spool }) => {
          expect({ what, ...(await collecting.stop(isForced)) }).toEqual({ what, ...IN_ORDER })
          expect({ what, stopped: collecting.heard('stopped') }).toEqual({ what, stopped: ['stopped'] })
          const lost = collecting.heard('gap').map(({ reason }) => reason)
          expect({ what, lost: [...new Set(lost)] }).toEqual({ what, lost: spool === 'working' ? [] : ['not-stored'] })
          // A cursor that comes late, or cannot be kept, costs nothing: the next one reads more over REST.
          const codes = collecting.heard('error').map(({ code }) => code)
          const known = codes.filter((code) => code !== 'CURSOR_FAILED').sort()
          expect({ what, known }).toEqual({
            what,
            known: [
              'DATABASE_FAILED',
              ...(spool === 'failing' ? ['SPOOL_FAILED'] : []),
              ...(spool === 'working' ? [] : ['STORAGE_OVERFLOW']),
            ],
          })
        }),
      )
      for (const { setup, spool } of all) if (spool === 'working') expect(spoolBytes(setup.spool!)).toBeGreaterThan(0)

      frozen.thaw()
      await killed.restart()
      // Stopped again while the spool is emptied; and the last one of each finds what is left.
      const draining = all.filter(({ spool }) => spool === 'working').map(({ setup }) => scene.collect(setup))
      for (const collecting of draining) await collecting.started()
      for (const collecting of draining) expect(await collecting.stop()).toEqual(IN_ORDER)
      await Promise.all(
        all.map(async ({ what, setup, spool }) => {
          const last = scene.collect({
            ...setup,
            isOutspoken: true,
            ...(spool === 'failing' && { spool: directoryOf('working') }),
          })
          await last.started()
          const newest = newestId(fake, SYMBOL)
          await last.until(`${what}: it has caught up`, () => last.heard('cursor').some(([, id]) => id > newest))
          expect({ what, ...(await last.stop()) }).toEqual({ what, ...IN_ORDER })
          const repository = createPostgresRepository({ connectionString: setup.postgres! })
          expect(await expectEveryFill(repository, fake, SYMBOL)).toBeGreaterThan(100)
          await repository.close()
          if (spool === 'working') expect(spoolBytes(setup.spool!)).toBe(0)
        }),
      )
    } finally {
      frozen.thaw()
      await Promise.all([killed.stop(), frozen.stop()])
    }
  })
})
