import { expect, test } from 'vitest'
import { createOkxCollector, silentLogger } from 'tapekeeper'
import { createReplay, type Replay, type RecordingLine } from 'tapekeeper/node'

const URL_A = 'wss://a.example/ws?x=1'
const REST = 'https://rest.example/time'

/** A socket that writes down what happens to it, and when. */
function listen({ ports, clock, startsAt }: Replay, url: string) {
  const seen: string[] = []
  const note = (what: string) => seen.push(`${clock.now() - startsAt} ${what}`)
  const socket = ports.socket(url, {
    onOpen: () => note('open'),
    onText: (text) => note(text),
    onBinary: (bytes) => note(`${bytes} bytes`),
    onClose: ({ code, reason, status, retryAfterMs, error }) =>
      note(['close', code, reason, status, retryAfterMs, error?.message].filter((fact) => fact !== undefined).join(' ')),
  })
  return { seen, socket }
}

const SESSION: readonly RecordingLine[] = [
  { t: 1_000, d: 'dial', m: URL_A, c: 1 },
  { t: 1_010, d: 'open', m: URL_A, c: 1 },
  { t: 1_020, d: 'in', m: 'one', c: 1 },
  { t: 1_020, d: 'binary', m: '', bytes: 3, c: 1 },
  { t: 1_030, d: 'close', m: 'bye', code: 4_000, c: 1 },
  { t: 1_100, d: 'dial', m: URL_A, c: 2 },
  { t: 1_110, d: 'close', m: 'HTTP 429', code: 1_006, status: 429, retryAfterMs: 2_000, error: 'refused', c: 2 },
  { t: 1_200, d: 'dial', m: URL_A, c: 3 },
  { t: 1_210, d: 'open', m: URL_A, c: 3 },
  { t: 1_220, d: 'in', m: 'two', c: 3 },
  { t: 1_300, d: 'in', m: 'three', c: 3 },
]

test('the k-th dial of a URL gets its k-th connection; who dials late is told at once what was missed, in order', async () => {
  const replay = await createReplay(SESSION)
  expect([replay.startsAt, replay.endsAt, replay.header]).toEqual([1_000, 1_300, undefined])
  const first = listen(replay, URL_A)
  const second = listen(replay, URL_A)
  let third = { seen: [] as string[] }
  let tooMany = { seen: [] as string[] }
  replay.clock.after(250, () => {
    third = listen(replay, 'wss://elsewhere:8443/ws?x=1')
    tooMany = listen(replay, URL_A)
  })
  await replay.run()
  expect(first.seen).toEqual(['10 open', '20 one', '20 3 bytes', '30 close 4000 bye'])
  expect(second.seen).toEqual(['110 close 1006 HTTP 429 429 2000 refused'])
  expect(third.seen).toEqual(['250 open', '250 two', '300 three'])
  expect(tooMany.seen).toEqual(['250 close 1006 the recording has no further connection to this URL'])
})

test('a connection that was given up too early is there for the next dial; one that never opened is not', async () => {
  const replay = await createReplay(SESSION.slice(7))
  const early = listen(replay, URL_A)
  early.socket.terminate()
  const again = listen(replay, URL_A)
  await replay.run()
  expect([early.seen, again.seen]).toEqual([['0 close 1006 terminated'], ['10 open', '20 two', '100 three']])

  const hung = await createReplay([
    { t: 0, d: 'dial', m: URL_A, c: 1 },
    { t: 5, d: 'bye', m: 'terminate', c: 1 },
    ...SESSION.slice(7),
  ])
  const first = listen(hung, URL_A)
  hung.clock.after(5, () => first.socket.terminate())
  hung.clock.after(6, () => Object.assign(first, { next: listen(hung, URL_A) }))
  await hung.run()
  expect(first).toMatchObject({ seen: ['5 close 1006 terminated'], next: { seen: ['1210 open', '1220 two', '1300 three'] } })
})

test('when the recording is over sockets stay open until they are closed, and timers go on', async () => {
  const replay = await createReplay(SESSION.slice(7))
  const { seen, socket } = listen(replay, URL_A)
  await replay.run()
  await new Promise<void>((resolve) => replay.clock.after(20, resolve))
  expect(replay.clock.now()).toBe(replay.endsAt + 20)
  expect(seen.at(-1)).toBe('100 three')
  socket.close()
  await Promise.resolve()
  expect(seen.at(-1)).toBe('120 close 1000 ')
})

test('REST answers come at their time, at once when that is past, and each only once', async () => {
  const replay = await createReplay([
    { t: 0, d: 'request', m: `${REST}?sign=[redacted]`, n: 1, method: 'GET' },
    { t: 50, url: `${REST}?sign=[redacted]`, body: 'first', n: 1, method: 'GET', status: 503, headers: { 'retry-after': '7' } },
    { t: 60, d: 'request', m: REST, n: 2, method: 'GET' },
    { t: 61, d: 'request', m: REST, n: 3, method: 'POST' },
    { t: 90, url: REST, error: 'fetch failed', n: 2, method: 'GET' },
    { t: 95, d: 'request', m: `${REST}/hung`, n: 4, method: 'GET' },
  ])
  const { http } = replay.ports
  const answers: unknown[] = []
  const ask = (url: string, more: object = {}) =>
    http({ url, ...more }).then(
      (answer) => answers.push([replay.clock.now(), answer.status, answer.header('Retry-After'), answer.text]),
      (error: unknown) => answers.push([replay.clock.now(), (error as Error).message]),
    )
  void ask(`${REST}?sign=mine`)
  replay.clock.after(92, () => void ask('https://other.example/time'))
  void ask(`${REST}/unknown`)
  void ask(`${REST}/hung`)
  const aborter = new AbortController()
  void ask(REST, { method: 'POST', signal: aborter.signal })
  replay.clock.after(20, () => aborter.abort(new Error('never mind')))
  await replay.run()
  await ask(REST)
  expect(answers).toEqual([
    [0, `the recording has no further answer to GET ${REST}/unknown`],
    [20, 'never mind'],
    [50, 503, '7', 'first'],
    [92, 'fetch failed'],
    [95, 'the recording ended before the answer'],
    [95, `the recording has no further answer to GET ${REST}`],
  ])
})

test('nothing settles between events of one turn, and everything does between two', async () => {
  const turns = async (s: object) => {
    const replay = await createReplay([
      ...SESSION.slice(0, 2),
      { t: 1_020, d: 'in', m: 'a', c: 1 },
      { t: 1_020, d: 'out', m: 'x', c: 1 },
      { t: 1_021, d: 'in', m: 'b', c: 1, ...s },
    ])
    const seen: string[] = []
    replay.ports.socket(URL_A, {
      onOpen: () => undefined,
      onText: (text) => {
        seen.push(text)
        void Promise.resolve().then(() => seen.push(`after ${text} at ${replay.clock.now()}`))
      },
      onBinary: () => undefined,
      onClose: () => undefined,
    })
    await replay.run()
    return seen
  }
  expect(await turns({})).toEqual(['a', 'after a at 1020', 'b', 'after b at 1021'])
  expect(await turns({ s: 1 })).toEqual(['a', 'b', 'after a at 1021', 'after b at 1021'])
})

test('a stall is repeated: what was due fires once, at the time of waking up', async () => {
  const replay = await createReplay([...SESSION.slice(0, 2), { t: 9_000, d: 'stall', m: '', from: 3_000 }])
  const fired: number[] = []
  const tick = (): void => {
    fired.push(replay.clock.now())
    replay.clock.after(1_000, tick)
  }
  replay.clock.after(1_000, tick)
  await replay.run()
  expect(fired).toEqual([2_000, 9_000])
})

test('a recording that ends amid everything leaves a collector that can be stopped', async () => {
  const replay = await createReplay([
    { t: 0, d: 'request', m: 'https://openapi.okx.com/api/v5/public/instruments?instType=SPOT', n: 1, method: 'GET' },
  ])
  const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], ports: replay.ports, logger: silentLogger })
  const started = collector.start()
  await replay.run()
  await collector.stop()
  expect(await started).toBe(false)
  expect(collector.status).toBe('stopped')
})

test('an empty recording, and lines that come one by one', async () => {
  await (await createReplay([])).run()
  async function* lines() {
    for (const line of SESSION) yield await Promise.resolve(line)
  }
  const replay = await createReplay(lines())
  const { seen } = listen(replay, URL_A)
  await Promise.all([replay.run(), replay.run()])
  expect(seen).toHaveLength(4)
})
