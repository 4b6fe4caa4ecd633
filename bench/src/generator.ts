import { loadTesting, type Built } from './built.ts'
import type { Channel } from './subjects/subject.ts'
import { channelOf, workload, type Workload } from './workload.ts'

const CHANNELS = ['trades', 'tickers', 'books5', 'books'] as const satisfies readonly Channel[]
const INSTRUMENTS = ['BTC-USDT', 'ETH-USDT', 'SOL-USDT', 'BTC-USDT-SWAP']
const STEP_MS = 5_000
/** Far more market than is ever needed. */
const LONGEST_MS = 3_600_000

/** Lets the fake exchange run in virtual time and keeps what it sends, until there are `count` frames of each channel. */
export async function generatedWorkloads(built: Built, count: number, seed: number): Promise<Workload[]> {
  const { createVirtualExchange } = await loadTesting(built)
  await using fake = createVirtualExchange({ exchange: 'okx', seed, tradesPerSecond: 10, bookUpdatesPerSecond: 10 })
  const frames: Record<Channel, string[]> = { trades: [], tickers: [], books5: [], books: [] }
  const socket = fake.ports.socket(fake.endpoints.public, {
    onOpen: () => {
      const args = INSTRUMENTS.flatMap((instId) => CHANNELS.map((channel) => ({ channel, instId })))
      socket.send(JSON.stringify({ op: 'subscribe', args }))
    },
    onText: (text) => {
      const channel = CHANNELS.find((name) => name === channelOf(text))
      if (channel !== undefined && frames[channel].length < count) frames[channel].push(text)
    },
    onBinary: () => undefined,
    onClose: () => undefined,
  })
  const isFull = (): boolean => CHANNELS.every((channel) => frames[channel].length === count)
  for (let ms = 0; ms < LONGEST_MS && !isFull(); ms += STEP_MS) await fake.clock.advance(STEP_MS)
  if (!isFull())
    throw new Error(`the fake exchange sent too little: ${CHANNELS.map((channel) => frames[channel].length).join(', ')}`)
  socket.terminate()
  return CHANNELS.map((channel) => workload('generator', channel, frames[channel]))
}
