/** What a collector counts. Plain fields: they are touched for every message. */
export class Counters {
  messagesReceived = 0
  messagesProcessed = 0
  errors = 0
  callbackErrors = 0
  streamDropped = 0
  restarts = 0
  /** Connections lost. */
  reconnects = 0
  lastMessageAt: number | undefined
  lastRestartAt: number | undefined

  messageReceived(at: number): void {
    this.messagesReceived++
    this.lastMessageAt = at
  }

  restarted(at: number): void {
    this.restarts++
    this.lastRestartAt = at
  }
}
