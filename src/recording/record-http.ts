import type { HttpPort, HttpResponse } from '../ports/http.ts'
import { messageOf } from '../errors/tapekeeper-error.ts'
import type { EventClock } from './event-clock.ts'
import type { AnswerLine } from './lines.ts'
import type { Censors, Log } from './recording-log.ts'

/** What an exchange's answer says besides its body, and our code may read: how long to stay away, what is left of a budget. */
const HEADERS = [
  ...['retry-after', 'date', 'content-type', 'x-mbx-used-weight', 'x-mbx-used-weight-1m'],
  ...['x-bapi-limit', 'x-bapi-limit-status', 'x-bapi-limit-reset-timestamp'],
]

/** REST whose every answer is written down. Headers and bodies of requests are not: that is where keys and signatures travel. */
export function recordHttp(ask: HttpPort, clock: EventClock, log: Log): HttpPort {
  let requests = 0
  return (request) => {
    const { url, method = 'GET', signal } = request
    const n = ++requests
    log.learn(url)
    const write = (t: number, facts: (censors: Censors) => Partial<AnswerLine>): void =>
      log.write((censors) => ({ t, url: censors.words(url), ...facts(censors), n, method }))

    log.write(({ words }) => ({ t: clock.now(), d: 'request', m: words(url), n, method }))
    return new Promise((resolve, reject) => {
      let isOver = false
      /** An answer is news from outside; when our own code calls the request off, it learns of it at once. */
      const finish = (deliver: (t: number) => void): void => {
        if (isOver) return
        isOver = true
        signal?.removeEventListener('abort', onAbort)
        clock.dispatchSoon(deliver)
      }
      const onAbort = (): void => {
        isOver = true
        write(clock.now(), () => ({ error: 'aborted', aborted: true }))
        reject(signal?.reason as Error)
      }
      if (signal?.aborted === true) {
        onAbort()
        return
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      ask(request).then(
        (response) =>
          finish((t) => {
            const { status, text } = response
            write(t, ({ received }) => ({ body: received(text), status, headers: headersOf(response) }))
            resolve(response)
          }),
        (error: unknown) =>
          finish((t) => {
            write(t, ({ words }) => ({ error: words(messageOf(error)) }))
            reject(error instanceof Error ? error : new Error(messageOf(error)))
          }),
      )
    })
  }
}

function headersOf(response: HttpResponse): Record<string, string> {
  const found = HEADERS.flatMap((name): [string, string][] => {
    const value = response.header(name)
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries(found)
}
