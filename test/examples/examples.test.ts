import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { compiled } from '../support/compiled.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Every example, how it is called, and a line that it prints only when it did what it is about. */
const EXAMPLES: readonly (readonly [command: string, telling: RegExp])[] = [
  ['demo.ts --seconds 6', /^result {6}every stream is running$/m],
  ['quick-start.ts', /^Trade: ETH-USDT (?:buy|sell) [\d.]+ at [\d.]+$/m],
  ['many-collectors.ts', /^2 sockets for all of them: .*\b22\b.*\b11\b/m],
  ['custom-collector.ts', /^restarts: 1$/m],
  ['rest-poller.ts', /^one request failed: 1 error, 0 restarts$[^]*^the server was away: restarted$/m],
  ['file-replay.ts', /^result: 59 trades in order, 1 damaged lines, 0 restarts$/m],
  [
    'custom-repository.ts',
    /^(?:stopped with [1-9]\d* trades and [1-9]\d* candles in [1-9]\d* bytes\n){2}[^]*^result: [1-9]\d* trades in the files, [1-9]\d* of them read afterwards, 0 missing$/m,
  ],
  [
    'sqlite-recorder.ts',
    /^([1-9]\d*) trades in the file, \1 delivered in this run; the last ones:$[^]*^(?:buy|sell): [1-9]\d* trades, the highest at [\d.]+$/m,
  ],
  ['postgres.ts', /^no POSTGRES_URL, nothing to do/m],
  ['redis-pub-sub.ts', /^result: (?:[1-9]\d* messages received, 0 missing|there is no Redis to try this with)/m],
  ['candles-complete-series.ts', /^01-05T23:59 1m revised .*vwap 99\.75$[^]*^1m revised complete$/m],
  ['candles-from-recording.ts', /^600 seconds folded to 10 minutes: 0 differences$/m],
  ['stream-iterator.ts', /^read [1-9]\d* trades; the queue was full for [1-9]\d* more$/m],
  ['decode-recording.ts', /^BTC-USDT trade: [1-9]\d*$/m],
  ['balances.ts', /^BTC: 0\.85 in all, 0\.75 free, 0\.1 locked$/m],
  ['completeness.ts --seconds 6', /^result: ([1-9]\d*) of \1 fills are accounted for, each once$/m],
  ['record-and-replay.ts', /^recorded {2}([0-9a-f]{64}) [^]*^replayed {2}\1 /m],
  ['supervised.ts', /BTC-USDT: degraded -> running[^]*^3 running over 1 socket, 0 restarts, 0 trades missing$/m],
  ['order-book.ts', /^compared with the exchange's own book: [1-9]\d* levels, 0 differences$/m],
  [
    'consolidated-quotes.ts',
    /^east stale, the orderbook subscription is pending; bid [\d.]+ at west, ask [\d.]+ at west, spread [\d.]+$/m,
  ],
  // Runs until it is told to stop; what it serves is looked at in server.test.ts.
  ['server.ts --seconds 3', /^listening on http:\/\/127\.0\.0\.1:\d+\ncollecting\nstopped after [1-9]\d* messages$/m],
]

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs one example, the first one as its reader would. `interruptAt` is output at which to press Ctrl-C. */
function run(command: string, interruptAt?: RegExp): Promise<Outcome> {
  const [file = '', ...args] = command.split(' ')
  const path = `examples/${file}`
  const program = file === 'quick-start.ts' ? ['--import', 'tsx', path] : [compiled(path)]
  const child = spawn(process.execPath, [...program, ...args], { cwd: root })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
    if (interruptAt?.test(output.stdout) !== true) return
    interruptAt = undefined // once: a second Ctrl-C would kill it
    child.kill('SIGINT')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...output }))
  })
}

/** Two at a time: each is a process of its own, and most of their time is waiting. */
async function runAll(commands: readonly string[]): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>()
  const left = [...commands]
  const work = async (): Promise<void> => {
    for (let command = left.shift(); command !== undefined; command = left.shift()) outcomes.set(command, await run(command))
  }
  await Promise.all([work(), work()])
  return outcomes
}

describe('examples', () => {
  let outcomes = new Map<string, Outcome>()
  beforeAll(async () => {
    outcomes = await runAll(EXAMPLES.map(([command]) => command))
  }, 180_000)

  test.each(EXAMPLES)('%s ends by itself, having shown what it is about', (command, telling) => {
    const { code, stdout, stderr } = outcomes.get(command)!
    expect(stdout).toMatch(telling)
    expect(stderr).not.toMatch(/\bError\b|unhandled/i)
    expect(code).toBe(0)
  })

  test('the demo shows the cut and the recovery of both pairs', () => {
    const { stdout } = outcomes.get('demo.ts --seconds 6')!
    for (const symbol of ['BTC-USDT', 'ETH-USDT']) {
      expect(stdout).toMatch(new RegExp(`${symbol} {2}degraded: .*\n[^]*${symbol} {2}running again after \\d+ ms`))
    }
    expect(stdout).toMatch(/^reconnects {2}BTC-USDT 1, ETH-USDT 1$/m)
  })

  test('the completeness example declares a gap, fills it later, and reads the other holes over REST', () => {
    const { stdout } = outcomes.get('completeness.ts --seconds 6')!
    expect(stdout).toMatch(/GAP declared: (\d+ fills, \d+ to \d+) \(rest-failed\)$[^]*GAP filled after all: \1, here they are/m)
    expect(stdout).toMatch(/^okx trades:BTC-USDT, by hour\nhour .*\n(?:\S+ +[1-9]\d* +[1-9]\d* +\d+ +0\n)+result: /m)
  })

  test('the order book example loses its book and has it back', () => {
    const { stdout } = outcomes.get('order-book.ts')!
    expect(stdout).toMatch(/valid: snapshot\n[^]*the book is invalid: gap\n[^]*the book is valid: snapshot\n[^]*^delivered:/m)
  })

  test('none is left out', () => {
    const files = readdirSync(new URL('../../examples', import.meta.url)).filter((file) => file.endsWith('.ts'))
    expect(files.toSorted()).toEqual(EXAMPLES.map(([command]) => command.split(' ')[0]).toSorted())
  })

  test('Ctrl-C ends the demo cleanly, with a summary', async () => {
    const { code, stdout } = await run('demo.ts', /^\d+ s of 20 s$/m)
    expect(stdout).toMatch(/^result {6}stopped by hand$/m)
    expect(code).toBe(0)
  })

  test('a wrong option of the demo is refused', async () => {
    const { code, stderr } = await run('demo.ts --seconds nine')
    expect(stderr).toContain('--seconds must be a number, 4 or more')
    expect(code).toBe(1)
  })
})
