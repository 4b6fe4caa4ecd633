import type { Cancel } from '../ports/clock.ts'

/** What a fake exchange can do to one connection. Implemented by the transports. */
export interface ConnectionSink {
  send(data: string | Uint8Array): void
  /** Closes with a close frame. */
  close(code: number, reason: string): void
  /** Cuts the line: the peer sees 1006. */
  terminate(): void
  /** From now on nothing is read and nothing answered, not even by the transport itself; the line stays up. */
  goDeaf(): void
}

/** What a transport tells a fake exchange about one connection. */
export interface Connection {
  receive(text: string): void
  /** The connection has ended, whoever ended it. */
  ended(): void
}

export type DialAnswer =
  | { readonly kind: 'accepted'; open(sink: ConnectionSink): Connection }
  | { readonly kind: 'refused'; readonly status: number; readonly retryAfterSeconds: number | undefined }
  /** The handshake gets no answer at all. */
  | { readonly kind: 'hang' }

export interface VenueRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
}

export interface VenueResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A fake exchange without its transport: text in, text out, timers only from its clock. */
export interface Venue {
  dial(path: string): DialAnswer
  /** Answers later or at once; `undefined` means that the line is cut without an answer. The result ends the waiting. */
  rest(request: VenueRequest, answer: (response: VenueResponse | undefined) => void): Cancel
  /** Ends every timer; afterwards dials are refused. */
  shutDown(): void
}
