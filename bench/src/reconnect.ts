import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { buildIfStale, installPeersIfMissing, loadTesting } from './built.ts'
import { installedVersion } from './installed.ts'
import { machine } from './machine.ts'
import { markdownTable } from './markdown-table.ts'
import { CLIENTS, taskText, type Client } from './reconnect/task.ts'
import { writeSection } from './results-file.ts'

const WATCHED_MS = 10_000
const STREAMING_WITHIN_MS = 20_000
/** A client that dials without a pause is ended here; with the last look at it, it stays below 2,000. */
const MOST_DIALS = 1_900
const LOOK_EVERY_MS = 5
/** Back-off has jitter: one run tells little. */
const RUNS = 3
const SEED = 3

interface Outcome {
  readonly client: Client
  readonly dials: number
  readonly mostPerSecond: number
  /** How long it was watched; shorter when it had to be ended. */
  readonly watchedMs: number
  readonly wasEnded: boolean
}

installPeersIfMissing()
const built = buildIfStale()
const { startFakeExchange } = await loadTesting(built)
const outcomes: (readonly Outcome[])[] = []
for (const client of CLIENTS) outcomes.push(await measureRepeatedly(client))

const column = (tell: (outcome: Outcome) => string): string[] => outcomes.map((runs) => runs.map(tell).join(', '))
const rows = markdownTable(
  ['', ...CLIENTS.map((client) => `${client} ${versionOf(client)}`)],
  [
    ['dials', ...column(({ dials, wasEnded }) => (wasEnded ? `${dials}, then ended` : String(dials)))],
    ['watched, s', ...column(({ watchedMs }) => (watchedMs / 1_000).toFixed(1))],
    ['most within a second', ...column(({ mostPerSecond }) => String(mostPerSecond))],
  ],
)
console.log(rows)
writeSection('reconnect', section())

/** A client that had to be ended once is not started again. */
async function measureRepeatedly(client: Client): Promise<readonly Outcome[]> {
  const runs: Outcome[] = []
  while (runs.length < RUNS && runs.at(-1)?.wasEnded !== true) runs.push(await measure(client))
  return runs
}

/** One client alone with one exchange: once it streams, its line is cut, and from then on each subscription is followed by a close. */
async function measure(client: Client): Promise<Outcome> {
  console.error(`watching ${client}`)
  const market = { tradesPerSecond: 20, enforceDialLimit: false }
  await using fake = await startFakeExchange({ exchange: 'okx', seed: SEED, ...market })
  const longestMs = STREAMING_WITHIN_MS + WATCHED_MS + 5_000
  const child = fork(
    fileURLToPath(new URL('reconnect/client.ts', import.meta.url)),
    [taskText({ client, endpoints: fake.endpoints, built, longestMs })],
    { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  )
  try {
    await untilStreaming(child, client)
    const before = fake.dials.length
    fake.closeAfterAck()
    fake.drop()
    const start = performance.now()
    const watchedMs = (): number => performance.now() - start
    const isTooMany = (): boolean => fake.dials.length - before >= MOST_DIALS
    while (watchedMs() < WATCHED_MS && !isTooMany()) await sleep(LOOK_EVERY_MS)
    const wasEnded = isTooMany()
    child.kill('SIGKILL')
    const dials = fake.dials.slice(before).map(({ at }) => at)
    return { client, dials: dials.length, mostPerSecond: mostWithin(1_000, dials), watchedMs: watchedMs(), wasEnded }
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}

async function untilStreaming(child: ChildProcess, client: Client): Promise<void> {
  const streaming = once(child, 'message', { signal: AbortSignal.timeout(STREAMING_WITHIN_MS) })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${client} ended before it had a trade`)))
  await Promise.race([streaming, ended])
}

/** `times` in order. */
function mostWithin(ms: number, times: readonly number[]): number {
  let first = 0
  return times.reduce((most, time, index) => {
    while (times[first]! <= time - ms) first++
    return Math.max(most, index - first + 1)
  }, 0)
}

function versionOf(client: Client): string {
  return client === 'tapekeeper' ? built.version : installedVersion(client)
}

function section(): string {
  return `# Dials to a server that acknowledges and then closes

Written by \`npm --prefix bench run reconnect\` on ${new Date().toISOString().slice(0, 10)}; do not edit.

${rows}

Each library with its defaults streams the trades of BTC-USDT from the fake exchange of \`tapekeeper/testing\` on loopback, in a process of its own, one
after the other. When it has its first trade its connection is cut, and for ${WATCHED_MS / 1_000} s the server accepts every connection, acknowledges every
subscription and closes cleanly (code 1000) right afterwards. The fake's limit of three handshakes a second is off. A client is ended before it has dialled 2,000
times, and then not run again; the others are run ${RUNS} times. ccxt is called again, without a pause, whenever \`watchTrades\` rejects, as its manual shows.

${machine()}`
}
