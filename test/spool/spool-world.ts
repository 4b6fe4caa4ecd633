import type { FileHandle } from 'node:fs/promises'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { Logger, SpoolLane } from 'tapekeeper'
import { systemFiles, type Files } from '../../src/spool/own-file.ts'
import fc from '../support/fast-check.ts'

const made: string[] = []
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

/** Any text that is one line; also what looks like a header. */
export const anyLine = fc.oneof(
  fc.string({ unit: 'binary' }).filter((text) => !text.includes('\n')),
  fc.constantFrom('', ' ', '#1 00000002 00000001 00000000 00000000', '{"price":"1"}', '\r', '\0', '€', '\u2028'),
)

/** A new directory, gone after the test. */
export function newDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'tapekeeper-spool-'))
  made.push(path)
  return path
}

export async function scanned(lane: SpoolLane): Promise<string[]> {
  const lines: string[] = []
  for await (const line of lane.scan()) lines.push(line)
  return lines
}

/** Reads and drops until nothing is left, as a writer does whose database is back. */
export async function drained(lane: SpoolLane, count = 7): Promise<string[]> {
  const all: string[] = []
  for (;;) {
    const lines = await lane.read(count)
    if (lines.length === 0) return all
    all.push(...lines)
    await lane.drop(lines.length)
  }
}

export const segmentsIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.spool'))
    .sort()

/** What the disk holds at this moment, as a process would find it that begins after this one died. */
export function copyOf(directory: string): string {
  const copy = newDirectory()
  cpSync(directory, copy, { recursive: true, filter: (path) => !path.includes('lock-') })
  return copy
}

/** Keeps what is logged as a warning or an error. */
export function keepingLogger(): Logger & { readonly messages: string[] } {
  const messages: string[] = []
  const keep = (message: string) => void messages.push(message)
  return { debug: () => undefined, info: () => undefined, warn: keep, error: keep, messages }
}

/** What a test's disk does wrong: called before each operation on a file, and throws. */
export type Fault = (operation: 'open' | 'write' | 'datasync' | 'truncate' | 'unlink' | 'read', path: string) => void

export class SystemError extends Error {
  constructor(readonly code: string) {
    super(`${code}: injected`)
  }
}

/** The real disk, with faults. A write that fails has written half of its bytes before. */
export function faultyFiles(fault: Fault): Files {
  const broken = (handle: FileHandle, path: string): FileHandle =>
    new Proxy(handle, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        return async (...args: unknown[]) => {
          if (key === 'write' || key === 'datasync' || key === 'truncate' || key === 'read') {
            try {
              fault(key, path)
            } catch (error) {
              if (key === 'write')
                await target.write(args[0] as Buffer, args[1] as number, (args[2] as number) >> 1, args[3] as number)
              throw error
            }
          }
          return (await Reflect.apply(value, target, args)) as unknown
        }
      },
    })
  return {
    ...systemFiles,
    open: async (path, flags, mode) => {
      fault('open', String(path))
      return broken(await systemFiles.open(path, flags, mode), String(path))
    },
    unlink: async (path) => {
      fault('unlink', String(path))
      await systemFiles.unlink(path)
    },
  }
}
