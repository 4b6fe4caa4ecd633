import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, readdirSync } from 'node:fs'
import process from 'node:process'
import { describe, expect, test } from 'vitest'
import { createPostgresRepository } from 'tapekeeper/postgres'
import { startFakeExchange, type FakeExchange } from 'tapekeeper/testing'
import { postgresMissing, startPostgres } from '../../support/postgres.ts'
import { IN_ORDER, Scene, type CollectingProcess, type Said } from './collecting-process.ts'
import { newestId, spoolBytes, storedFills } from './truth.ts'

// PostgreSQL is away, and the spool cannot be written: rows wait in memory, up to the bound, and what finds no room is reported.

const SYMBOL = 'BTC-USDT'
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

const run = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0

/** A directory becomes a small disk, where the system lets us have one. @returns how it grows. */
function smallDisk(scene: Scene, path: string): (() => void) | undefined {
  if (!run('mount', '-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tapekeeper-test', path)) return undefined
  scene.atEnd(() => void run('umount', '-l', path))
  return () => expect(run('mount', '-o', 'remount,size=64m', path)).toBe(true)
}

interface Broken {
  /** Who collects; we are somebody else. */
  readonly user?: number
  /** Makes the directory writable again. */
  readonly mend: () => void
}

/** Fills that a process said will not be stored. */
function reportedLost(heard: readonly NonNullable<Said['gap']>[]): number[] {
  expect(new Set(heard.map(({ reason }) => reason))).toEqual(new Set(['not-stored']))
  return heard.flatMap(({ fromId, toId }) => {
    const from = Number(fromId)
    return Array.from({ length: Number(toId) - from + 1 }, (_, index) => from + index)
  })
}

async function expectHeldToTheBound(collecting: CollectingProcess, fake: FakeExchange, mend: () => Promise<void>): Promise<void> {
  await collecting.until('memory is full', () => (collecting.status?.lost ?? 0) > 500)
  const { state, issues = [], queued, maxQueued } = collecting.status ?? {}
  expect({ state, queued }).toEqual({ state: 'away', queued: maxQueued })
  expect(issues.join()).toMatch(/spool: (append|open): .*(ENOSPC|EACCES)/)
  expect(issues.join()).toMatch(/storage postgres: .*away .*lost/)
  await mend()
  await collecting.until('it works again', () => collecting.status?.state === 'working')
  fake.setTradesPerSecond(SYMBOL, 0)
  fake.trade(SYMBOL)
  await collecting.until('nothing waits', () => collecting.status?.queued === 0 && collecting.status.spooled === 0)
  await collecting.until('it is well', () => collecting.status?.issues.length === 0)
  expect(await collecting.stop()).toEqual(IN_ORDER)
  expect(collecting.heard('status').filter((status) => status.queued > status.maxQueued)).toEqual([])
  const codes = collecting.heard('error').map(({ code }) => code)
  expect(codes.filter((code) => code !== 'STORAGE_OVERFLOW').sort()).toEqual(['DATABASE_FAILED', 'SPOOL_FAILED'])
  expect(codes.filter((code) => code === 'STORAGE_OVERFLOW').length).toBeGreaterThan(0)
}

async function collectsAndRecovers(scene: Scene, spool: string, { user, mend }: Broken): Promise<void> {
  const server = await startPostgres()
  await using fake = await startFakeExchange({
    instruments: [SYMBOL],
    tradesPerSecond: 500,
    bookUpdatesPerSecond: 0,
    historyMs: 5_000,
  })
  try {
    const postgres = await server.createDatabase()
    const collecting = scene.collect(
      {
        endpoints: fake.endpoints,
        symbols: [SYMBOL],
        timeframes: ['1s'],
        tradeChannel: 'trades-all',
        postgres,
        spool,
        storage: { maxQueuedRows: 2_000 },
      },
      user === undefined ? {} : { user },
    )
    await collecting.until('rows are stored', () => (collecting.status?.delivered ?? 0) > 500)
    await server.kill()
    await expectHeldToTheBound(collecting, fake, async () => {
      mend()
      await server.restart()
    })
    const repository = createPostgresRepository({ connectionString: postgres })
    const stored = await storedFills(repository, SYMBOL)
    await repository.close()
    const lost = reportedLost(collecting.heard('gap'))
    const from = stored[0] ?? NaN
    expect(lost.length).toBeGreaterThan(0)
    // Each one either stored, once, or reported, once.
    const known = [...stored, ...lost].sort((a, b) => a - b)
    expect(known).toEqual(Array.from({ length: newestId(fake, SYMBOL) - from + 1 }, (_, index) => from + index))
    expect(spoolBytes(spool)).toBe(0)
  } finally {
    await server.stop()
  }
}

describe.skipIf(postgresMissing !== undefined).concurrent('the spool cannot take what the database does not take', () => {
  test('its disk is full', async ({ skip }) => {
    await using scene = new Scene()
    const spool = scene.directory()
    const grow = smallDisk(scene, spool)
    if (grow === undefined) return skip('needs root on Linux, to mount a small disk')
    await collectsAndRecovers(scene, spool, { mend: grow })
  })

  test('its directory may not be written to', async () => {
    await using scene = new Scene()
    const spool = scene.directory()
    if (isRoot) chownSync(spool, NOBODY, NOBODY)
    chmodSync(spool, 0o500)
    await collectsAndRecovers(scene, spool, { ...(isRoot && { user: NOBODY }), mend: () => chmodSync(spool, 0o700) })
    expect(readdirSync(spool)).toHaveLength(1)
  })
})
