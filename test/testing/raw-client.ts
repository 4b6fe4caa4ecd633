import { createVirtualExchange, startFakeExchange, type FakeExchange, type FakeExchangeOptions } from 'tapekeeper/testing'
import { WebSocket } from 'ws'

/** A client that knows nothing: it keeps what it got. */
export interface RawClient {
  readonly frames: string[]
  readonly binary: number[]
  /** Parsed frames; what is not JSON is left out. */
  readonly messages: Message[]
  closed: { readonly code: number; readonly reason: string; readonly status?: number | undefined } | undefined
  readonly send: (request: unknown) => void
  readonly sendText: (text: string) => void
  readonly close: () => void
  readonly terminate: () => void
}

/** A row of data. Which fields it really has depends on the channel; a test reads those it means. */
export interface Row {
  readonly instId: string
  readonly tradeId: string
  readonly px: string
  readonly sz: string
  readonly side: 'buy' | 'sell'
  readonly source: '0' | '1'
  readonly count: string
  readonly ts: string
  readonly seqId: number
  readonly prevSeqId: number
  readonly checksum: number
  readonly bids: string[][]
  readonly asks: string[][]
  readonly last: string
  readonly bidPx: string
  readonly vol24h: string
  readonly volCcy24h: string
  readonly state: string
  readonly ruleType: string
  readonly baseCcy: string
  readonly quoteCcy: string
  readonly settleCcy: string
  readonly details: { readonly ccy: string }[]
}

/** A frame, likewise. */
export interface Message {
  readonly event?: string
  readonly eventType?: string
  readonly action?: string
  readonly arg?: { readonly channel: string; readonly instId: string }
  readonly code?: string
  readonly msg: string
  readonly curPage: number
  readonly lastPage: boolean
  readonly data?: Row[]
}

/** The same exchange behind either transport. */
export interface Setup {
  readonly fake: FakeExchange
  /** Resolves when the connection is open or has failed. */
  readonly dial: (endpoint?: 'public' | 'business' | 'private', query?: string) => Promise<RawClient>
  readonly get: (path: string) => Promise<RestAnswer>
  readonly pass: (ms: number) => Promise<void>
  readonly until: (condition: () => boolean, what: string, timeoutMs?: number) => Promise<void>
}

interface RestAnswer {
  readonly status: number
  readonly body: { readonly code: string; readonly msg: string; readonly data: Row[] }
  readonly header: (name: string) => string | undefined
}

type Handlers = Pick<RawClient, 'sendText' | 'close' | 'terminate'>

function rawClient(open: (client: RawClient, opened: () => void) => Handlers): { client: RawClient; ready: () => boolean } {
  let isOpen = false
  const frames: string[] = []
  const client = {
    frames,
    binary: [],
    get messages() {
      return frames.flatMap((text) => {
        try {
          return [JSON.parse(text) as Message]
        } catch {
          return []
        }
      })
    },
    closed: undefined,
    send: (request: unknown) => client.sendText(JSON.stringify(request)),
  } as unknown as RawClient
  Object.assign(
    client,
    open(client, () => {
      isOpen = true
    }),
  )
  return { client, ready: () => isOpen || client.closed !== undefined }
}

export async function loopback(options: FakeExchangeOptions = {}): Promise<Setup> {
  const fake = await startFakeExchange(options)
  const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
  const until = async (condition: () => boolean, what: string, timeoutMs = 60_000) => {
    const end = Date.now() + timeoutMs
    while (!condition()) {
      if (Date.now() > end) throw new Error(`never: ${what}`)
      await pass(5)
    }
  }
  return {
    fake,
    pass,
    until,
    async dial(endpoint = 'public', query = '') {
      const { client, ready } = rawClient((own, opened) => {
        const socket = new WebSocket(fake.endpoints[endpoint] + query)
        let status: number | undefined
        socket.on('open', opened)
        socket.on('message', (data: Buffer, isBinary) =>
          isBinary ? own.binary.push(data.length) : own.frames.push(data.toString('utf8')),
        )
        socket.on('unexpected-response', (request, response) => {
          status = response.statusCode
          request.destroy()
          socket.emit('close', 1006, Buffer.from(''))
        })
        socket.on('error', () => {})
        socket.on('close', (code, reason) => (own.closed ??= { code, reason: reason.toString(), status }))
        return {
          sendText: (text) => {
            socket.send(text)
          },
          close: () => socket.close(1000),
          terminate: () => socket.terminate(),
        }
      })
      await until(ready, 'the dial ends')
      return client
    },
    async get(path) {
      const response = await fetch(fake.endpoints.rest + path)
      return {
        status: response.status,
        body: (await response.json()) as RestAnswer['body'],
        header: (name) => response.headers.get(name) ?? undefined,
      }
    },
  }
}

export async function virtual(options: FakeExchangeOptions = {}): Promise<Setup> {
  const fake = createVirtualExchange(options)
  const { clock, ports } = fake
  const until = async (condition: () => boolean, what: string, timeoutMs = 120_000) => {
    await clock.settle()
    const end = clock.now() + timeoutMs
    while (!condition()) {
      if (clock.now() > end) throw new Error(`never: ${what}`)
      await clock.advance(5)
    }
  }
  return {
    fake,
    until,
    pass: (ms) => clock.advance(ms),
    async dial(endpoint = 'public', query = '') {
      const { client, ready } = rawClient((own, opened) => {
        const socket = ports.socket(fake.endpoints[endpoint] + query, {
          onOpen: opened,
          onText: (text) => own.frames.push(text),
          onBinary: (bytes) => own.binary.push(bytes),
          onClose: ({ code, reason, status }) => (own.closed ??= { code, reason, status }),
        })
        return {
          sendText: (text) => {
            socket.send(text)
          },
          close: () => socket.close(),
          terminate: () => socket.terminate(),
        }
      })
      await until(ready, 'the dial ends')
      return client
    },
    async get(path) {
      const promise = ports.http({ url: fake.endpoints.rest + path })
      const settled = promise.then(
        () => true,
        () => true,
      )
      let done = false
      void settled.then(() => (done = true))
      await until(() => done, 'REST answers')
      const response = await promise
      return {
        status: response.status,
        body: JSON.parse(response.text) as RestAnswer['body'],
        header: (name) => response.header(name),
      }
    },
  }
}

export const TRANSPORTS = [
  ['loopback', loopback],
  ['virtual', virtual],
] as const

export const arg = (channel: string, instId = 'BTC-USDT') => ({ channel, instId })
export const subscribe = (...args: readonly object[]) => ({ op: 'subscribe', args })

/** The data rows of one channel, in order of arrival. */
export function rowsOf(client: RawClient, channel: string, instId = 'BTC-USDT'): Row[] {
  return client.messages.filter(({ arg }) => arg?.channel === channel && arg.instId === instId).flatMap(({ data }) => data ?? [])
}

/** Candles come as bare lists of text. */
export const candlesOf = (rows: readonly Row[]): string[][] => rows as unknown as string[][]

export const eventsOf = (client: RawClient, event: string): Message[] =>
  client.messages.filter((message) => message.event === event)
