import { spawn, type ChildProcess } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { stopOnSignals, type StopOnSignalsOptions } from 'tapekeeper/node'
import { compiled } from '../support/compiled.ts'

const children: ChildProcess[] = []

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly lines: readonly string[]
}

interface Child {
  send(signal: NodeJS.Signals): void
  /** Resolves when the process has written this line. */
  says(line: string): Promise<void>
  readonly ended: Promise<Ended>
}

async function run(stopMs: number | '', options: StopOnSignalsOptions = {}, env: NodeJS.ProcessEnv = {}): Promise<Child> {
  const child = spawn(process.execPath, [compiled('test/manager/stop-on-signals.script.ts')], {
    env: { ...process.env, STOP_MS: String(stopMs), OPTIONS: JSON.stringify(options), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const lines = (): string[] => output.split('\n').filter((line) => line !== '')
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, lines: lines() }))
  })
  const says = (line: string): Promise<void> => expect.poll(lines, { timeout: 30_000 }).toContain(line)
  await says('ready')
  return { send: (signal) => child.kill(signal), says, ended }
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s: stops, then exits with %i', async (signal, code) => {
  const child = await run(50)
  child.send(signal)
  expect(await child.ended).toEqual({ code, signal: null, lines: ['ready', 'stopping', 'stopped'] })
})

test('a second signal ends it at once, with the code of the first', async () => {
  const child = await run(-1, { deadlineMs: 600_000 })
  child.send('SIGINT')
  await child.says('stopping')
  child.send('SIGTERM')
  expect(await child.ended).toEqual({ code: 130, signal: null, lines: ['ready', 'stopping'] })
})

test('so does the deadline', async () => {
  const child = await run(-1, { deadlineMs: 100 })
  child.send('SIGTERM')
  expect(await child.ended).toEqual({ code: 143, signal: null, lines: ['ready', 'stopping'] })
})

test('a stop that fails does not keep it', async () => {
  const child = await run('')
  child.send('SIGTERM')
  expect(await child.ended).toMatchObject({ code: 143, lines: ['ready', 'stopping'] })
})

test('exit: false leaves the end to the process; no timer of ours keeps it', async () => {
  const child = await run(50, { exit: false, deadlineMs: 600_000 })
  child.send('SIGTERM')
  expect(await child.ended).toEqual({ code: 0, signal: null, lines: ['ready', 'stopping', 'stopped'] })
})

test('other signals than the default ones, and none once disposed', async () => {
  const hangUp = await run(0, { signals: ['SIGHUP'] })
  hangUp.send('SIGHUP')
  expect(await hangUp.ended).toMatchObject({ code: 129, lines: ['ready', 'stopping', 'stopped'] })
  const disposed = await run(0, {}, { DISPOSED: '1' })
  disposed.send('SIGTERM')
  expect(await disposed.ended).toEqual({ code: null, signal: 'SIGTERM', lines: ['ready'] })
})

test('options are checked; disposing lets go of the process, also by Symbol.dispose', () => {
  const target = { stop: () => Promise.resolve() }
  expect(() => stopOnSignals(target, { deadline: 5 } as never)).toThrow(/did you mean "deadlineMs"/)
  expect(() => stopOnSignals(target, { signals: ['SIGTRM'] as never })).toThrow(/did you mean "SIGTERM"/)
  const before = process.listenerCount('SIGTERM')
  const dispose = stopOnSignals(target)
  expect(process.listenerCount('SIGTERM')).toBe(before + 1)
  dispose[Symbol.dispose]()
  dispose()
  expect(process.listenerCount('SIGTERM')).toBe(before)
})
