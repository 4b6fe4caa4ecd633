import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { describe } from 'vitest'

const isInstalled = spawnSync('redis-server', ['--version']).status === 0

/** Tests that need a real Redis; skipped, and saying so, where there is none. */
export const describeRedis = (name: string, tests: () => void): void => {
  if (isInstalled) describe(name, tests)
  else describe.skip(`${name} (skipped: redis-server is not installed)`, tests)
}

export interface RedisSettings {
  /** Every write is on the disk before it is answered; otherwise nothing is kept. */
  readonly isPersistent?: boolean
  readonly password?: string
  readonly args?: readonly string[]
}

export interface TestRedis {
  readonly port: number
  readonly url: string
  /** SIGKILL. */
  kill(): Promise<void>
  /** On the same port, with the data it kept. */
  restart(): Promise<void>
  /** It no longer answers, and accepts connections all the same. */
  freeze(): void
  thaw(): void
  /** One command on a connection of its own. */
  command(...command: string[]): Promise<unknown>
  close(): Promise<void>
}

/** A real redis-server on the loopback interface, with a directory of its own. */
export async function startRedis({ isPersistent = false, password, args = [] }: RedisSettings = {}): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'tapekeeper-redis-'))
  const port = await freePort()
  const options = {
    port,
    bind: '127.0.0.1',
    dir: directory,
    save: '',
    appendonly: isPersistent ? 'yes' : 'no',
    appendfsync: 'always',
    ...(password === undefined ? {} : { requirepass: password }),
  }
  const url = `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`
  let server: ChildProcess | undefined

  const command = async (...words: string[]): Promise<unknown> => {
    const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return await client.sendCommand(words)
    } finally {
      if (client.isOpen) client.destroy()
    }
  }

  const start = async (): Promise<void> => {
    const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
    const started = spawn('redis-server', [...given, ...args], { stdio: 'ignore' })
    server = started
    await until(async () => {
      if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`)
      return (await command('PING').catch(() => undefined)) === 'PONG'
    })
  }

  const kill = async (): Promise<void> => {
    if (server === undefined) return
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    server = undefined
    await gone
  }

  await start()
  return {
    port,
    url,
    kill,
    restart: start,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    command,
    async close() {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Waits for something to become true; the limit is for a test that hangs, not for a slow machine. */
export async function until(isTrue: () => boolean | Promise<boolean>, limitMs = 240_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`not true within ${limitMs} ms: ${String(isTrue)}`)
    await sleep(10)
  }
}

export interface Proxy {
  readonly url: string
  /** Ends every connection and refuses new ones. */
  cut(): void
  heal(): void
  close(): Promise<void>
}

/** A line to a server that can be cut, for one client of several. */
export async function startProxy(port: number): Promise<Proxy> {
  const open = new Set<Socket>()
  let isCut = false
  const server = createServer((client) => {
    if (isCut) {
      client.destroy()
      return
    }
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from)
      from.on('error', () => undefined)
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    heal: () => (isCut = false),
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
