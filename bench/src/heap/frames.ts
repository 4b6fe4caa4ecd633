import { loadTesting, type Built } from '../built.ts'

export interface HeapFrames {
  readonly nativeSymbols: readonly string[]
  /** Snapshot first, then changes; all instruments mixed, as they came. */
  readonly frames: readonly { readonly nativeSymbol: string; readonly text: string }[]
}

const STEP_MS = 1_000
const TOPICS_PER_REQUEST = 100

/** What the fake exchange sends to somebody who follows the books of `count` spot pairs for `ms` of virtual time. */
export async function bookFrames(built: Built, count: number, ms: number, seed: number): Promise<HeapFrames> {
  const { createVirtualExchange } = await loadTesting(built)
  const market = { tradesPerSecond: 0, bookUpdatesPerSecond: 5, historyMs: 0 }
  await using fake = createVirtualExchange({ exchange: 'okx', seed, instruments: [], pairs: count, ...market })
  const nativeSymbols = fake.instruments.map(({ native }) => native.instId)
  const frames: HeapFrames['frames'][number][] = []
  const socket = fake.ports.socket(fake.endpoints.public, {
    onOpen: () => {
      for (let i = 0; i < count; i += TOPICS_PER_REQUEST) {
        const args = nativeSymbols.slice(i, i + TOPICS_PER_REQUEST).map((instId) => ({ channel: 'books', instId }))
        socket.send(JSON.stringify({ op: 'subscribe', args }))
      }
    },
    onText: (text) => {
      const nativeSymbol = /^\{"arg":\{"channel":"books","instId":"([^"]+)"\},"action"/.exec(text)?.[1]
      if (nativeSymbol !== undefined) frames.push({ nativeSymbol, text })
    },
    onBinary: () => undefined,
    onClose: () => undefined,
  })
  for (let passed = 0; passed < ms; passed += STEP_MS) await fake.clock.advance(STEP_MS)
  socket.terminate()
  return { nativeSymbols, frames }
}
