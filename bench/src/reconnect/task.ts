import type { FakeEndpoints } from 'tapekeeper/testing'
import type { Built } from '../built.ts'

export const CLIENTS = ['tapekeeper', 'okx-api', 'tardis-dev', 'ccxt'] as const
export type Client = (typeof CLIENTS)[number]

/** What the process of a client is told. */
export interface Task {
  readonly client: Client
  readonly endpoints: FakeEndpoints
  readonly built: Built
  /** It ends itself after this long, whatever has become of its parent. Milliseconds. */
  readonly longestMs: number
}

export const taskText = (task: Task): string => JSON.stringify(task)
export const takeTask = (text: string): Task => JSON.parse(text) as Task
