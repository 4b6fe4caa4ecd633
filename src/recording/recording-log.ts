import { messageOf } from '../errors/tapekeeper-error.ts'
import { hiding } from '../ports/hiding.ts'
import { loginOfUrl } from '../ports/public-url.ts'
import type { TimedLine } from './lines.ts'
import type { RecordingWriter } from './recording-writer.ts'
import { redact, redactSent, redactUrl, type Redact } from './redact.ts'

/** Shorter passwords are part of any frame, and to blank them would break it. */
const SHORTEST_LOGIN = 6

export interface Censors {
  /** For what we sent. */
  readonly sent: Redact
  /** For frames and bodies we received. */
  readonly received: Redact
  /** For URLs, reasons and error messages. */
  readonly words: Redact
}

/** Where lines go. Whatever happens there, the data path does not hear of it. */
export class Log {
  frames = 0
  readonly #writer: RecordingWriter
  readonly #censors: Censors
  readonly #logins = new Set<string>()
  #hide: Redact = (text) => text

  /** `extra` runs before the built-in redaction, which cannot be switched off. */
  constructor(writer: RecordingWriter, extra: Redact = (text) => text) {
    this.#writer = writer
    this.#censors = {
      sent: (text) => redactSent(this.#hide(extra(text))),
      received: (text) => redact(this.#hide(extra(text))),
      words: (text) => redactUrl(this.#hide(extra(text))),
    }
  }

  /** What is asked under this URL may be answered with its password. Once learnt it is in no later line. */
  learn(url: string): void {
    const news = loginOfUrl(url).filter((secret) => secret.length >= SHORTEST_LOGIN && !this.#logins.has(secret))
    if (news.length === 0) return
    for (const secret of news) this.#logins.add(secret)
    this.#hide = hiding([...this.#logins])
  }

  write(line: (censors: Censors) => TimedLine): void {
    if (this.#writer.isClosed) return
    try {
      this.#writer.write(line(this.#censors))
    } catch (error) {
      this.#writer.failed(new Error(`a line could not be recorded: ${messageOf(error)}`, { cause: error }))
    }
  }
}
