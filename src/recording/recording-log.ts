import { messageOf } from '../errors/tapekeeper-error.ts'
import type { TimedLine } from './lines.ts'
import type { RecordingWriter } from './recording-writer.ts'
import { redact, redactSent, redactUrl, type Redact } from './redact.ts'

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

  /** `extra` runs before the built-in redaction, which cannot be switched off. */
  constructor(writer: RecordingWriter, extra: Redact = (text) => text) {
    this.#writer = writer
    this.#censors = {
      sent: (text) => redactSent(extra(text)),
      received: (text) => redact(extra(text)),
      words: (text) => redactUrl(extra(text)),
    }
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
