import type { HttpPort, HttpResponse } from '../ports/http.ts'
import type { Redact } from './redact.ts'
import { requestKey, type NumberedAnswer, type ReplayIndex } from './replay-index.ts'
import { ReplayMatch } from './replay-match.ts'

/** REST answered from a recording: at the recorded time, or at once when that is past. */
export class ReplayHttp {
  readonly #match: ReplayMatch
  readonly #redact: Redact
  /** Answers that nobody has asked for yet. */
  readonly #answers = new Map<number, NumberedAnswer>()
  readonly #waiting = new Map<number, (answer: NumberedAnswer | Error) => void>()
  #isOver = false

  constructor({ requests }: ReplayIndex, redact: Redact) {
    this.#match = new ReplayMatch(requests)
    this.#redact = redact
  }

  readonly port: HttpPort = ({ url, method, signal }) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      const key = requestKey(method, this.#redact(url))
      const id = this.#match.take(key)
      const settle = (answer: NumberedAnswer | Error): void => {
        signal?.removeEventListener('abort', onAbort)
        if (answer instanceof Error) reject(answer)
        else if (answer.error !== undefined) reject(new Error(answer.error))
        else resolve(responseOf(answer))
      }
      const onAbort = (): void => {
        if (id !== undefined) this.#waiting.delete(id)
        reject(signal?.reason as Error)
      }
      const known = id === undefined ? new Error(`the recording has no further answer to ${key}`) : this.#answers.get(id)
      if (known !== undefined) settle(known)
      else if (id === undefined || this.#isOver) settle(new Error(`the recording ended before the answer to ${key}`))
      else {
        this.#waiting.set(id, settle)
        signal?.addEventListener('abort', onAbort, { once: true })
      }
    })

  /** The recording has got to this answer. */
  apply(answer: NumberedAnswer): void {
    // Who called it off then calls it off again.
    if (answer.aborted === true) return
    const settle = this.#waiting.get(answer.n)
    if (settle === undefined) {
      this.#answers.set(answer.n, answer)
      return
    }
    this.#waiting.delete(answer.n)
    settle(answer)
  }

  /** No more answers will come. */
  end(): void {
    this.#isOver = true
    for (const settle of this.#waiting.values()) settle(new Error('the recording ended before the answer'))
    this.#waiting.clear()
  }
}

function responseOf({ status = 200, headers = {}, body = '' }: NumberedAnswer): HttpResponse {
  return { status, header: (name) => headers[name.toLowerCase()], text: body }
}
