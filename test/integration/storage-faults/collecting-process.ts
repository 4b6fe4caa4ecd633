import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Gap, SinkStatus, StorageOptions, Timeframe } from 'tapekeeper'
import { compiled } from '../../support/compiled.ts'

/** What collecting.script.ts is to do. */
export interface CollectingSetup {
  readonly endpoints: Readonly<Record<string, string>>
  /** One: a collector that stores; several: a manager that stores for all of them. */
  readonly symbols: readonly string[]
  readonly timeframes: readonly Timeframe[]
  readonly tradeChannel?: 'trades' | 'trades-all'
  /** A connection string. */
  readonly postgres?: string
  /** A file, instead of PostgreSQL. */
  readonly sqlite?: string
  /** A directory; without it rows wait in memory alone. */
  readonly spool?: string
  readonly storage?: Omit<StorageOptions, 'spool'>
  readonly statementTimeoutMs?: number
  /** Says each row that was acknowledged. */
  readonly isOutspoken?: boolean
}

export interface CollectingStatus extends SinkStatus {
  readonly heapBytes: number
  readonly issues: readonly string[]
}

/** One line of what it says. */
export interface Said {
  readonly started?: boolean
  readonly stopped?: string
  readonly status?: CollectingStatus
  readonly error?: { readonly code: string; readonly message: string }
  readonly gap?: Pick<Gap, 'reason' | 'fromId' | 'toId'>
  /** Lines that the spool has acknowledged. */
  readonly spooled?: number
  /** Symbol and id of trades that the database or the spool has acknowledged. */
  readonly acknowledged?: readonly (readonly [symbol: string, id: number])[]
  /** Stream and id of a cursor that the database has acknowledged. */
  readonly cursor?: readonly [stream: string, id: number]
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

/** A process that runs collecting.script.ts, and everything it has said so far. */
export class CollectingProcess {
  readonly said: Said[] = []
  /** Once it is gone and everything it said has been heard. */
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  #end: Ended | undefined

  /** @param heapMb what V8 may use for objects; more ends the process. */
  constructor(setup: CollectingSetup, { heapMb, user }: { heapMb?: number; user?: number } = {}) {
    const script = compiled('test/integration/storage-faults/collecting.script.ts')
    const heap = heapMb === undefined ? [] : [`--max-old-space-size=${heapMb}`]
    const child = spawn(process.execPath, [...heap, script, JSON.stringify(setup)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(user !== undefined && { uid: user, gid: user }),
    })
    this.#child = child
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    let unfinished = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (unfinished + text).split('\n')
      // What was being said when it was killed was not said.
      unfinished = lines.pop() ?? ''
      for (const line of lines) this.said.push(JSON.parse(line) as Said)
    })
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve((this.#end = { code, signal, stderr }))))
  }

  /** What it said of one kind, oldest first. */
  heard<K extends keyof Said>(kind: K): NonNullable<Said[K]>[] {
    return this.said.flatMap((said) => (said[kind] === undefined ? [] : [said[kind] as NonNullable<Said[K]>]))
  }

  get status(): CollectingStatus | undefined {
    return this.said.findLast(({ status }) => status !== undefined)?.status
  }

  /** @throws when it ends before, or when that takes longer than anything should. */
  async until(what: string, isTrue: () => boolean, limitMs = LIMIT_MS): Promise<void> {
    const end = performance.now() + limitMs
    while (!isTrue()) {
      const isLate = performance.now() > end
      if (this.#end !== undefined || isLate) {
        const errors = JSON.stringify(this.heard('error').slice(-3))
        const state = `${JSON.stringify(this.#end)} ${JSON.stringify(this.status)} ${errors}`
        throw new Error(`${isLate ? `not within ${limitMs} ms` : 'it ended before'}: ${what}; ${state}`)
      }
      await pause(20)
    }
  }

  started(): Promise<void> {
    return this.until('it has started', () => this.heard('started').length > 0)
  }

  async kill(): Promise<Ended> {
    this.#child.kill('SIGKILL')
    return this.ended
  }

  /** Asks it to stop, and waits for it to end by itself. */
  async stop(force = false): Promise<Ended> {
    this.#child.kill(force ? 'SIGHUP' : 'SIGTERM')
    await Promise.race([this.until('it ends by itself', () => false).catch(() => undefined), this.ended])
    if (this.#end === undefined) throw new Error(`it does not end: ${JSON.stringify(this.said.slice(-2))}`)
    return this.#end
  }
}

/** For what hangs, not for a slow machine. */
const LIMIT_MS = 240_000

/** The processes and directories of one test, gone with it; several tests may run at once. */
export class Scene implements AsyncDisposable {
  readonly processes: CollectingProcess[] = []
  readonly #directories: string[] = []
  readonly #ends: (() => void)[] = []

  directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'tapekeeper-faults-'))
    this.#directories.push(path)
    return path
  }

  /** Once the processes are gone, and the directories still there. */
  atEnd(end: () => void): void {
    this.#ends.push(end)
  }

  collect(...given: ConstructorParameters<typeof CollectingProcess>): CollectingProcess {
    const collecting = new CollectingProcess(...given)
    this.processes.push(collecting)
    return collecting
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((collecting) => collecting.kill()))
    for (const end of this.#ends) end()
    for (const path of this.#directories) rmSync(path, { recursive: true, force: true })
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** How a process ends that was asked to, and had nothing to complain of. */
export const IN_ORDER: Ended = { code: 0, signal: null, stderr: '' }
