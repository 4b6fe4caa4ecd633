import { TapekeeperError } from '../../errors/tapekeeper-error.ts'

/** What carries a change of symbols to the source. Both may answer false or reject. */
export interface SymbolChanges {
  subscribe(symbols: readonly string[]): Promise<boolean>
  unsubscribe(symbols: readonly string[]): Promise<boolean>
  onError(error: TapekeeperError): void
  /** False once the run has ended that the changes are for. */
  isCurrent(): boolean
}

/** The symbols a collector is to collect, and those its present run has subscribed to. */
export class WantedSymbols {
  readonly #wanted: Set<string>
  #collected = new Set<string>()

  constructor(symbols: readonly string[]) {
    this.#wanted = new Set(symbols)
  }

  get wanted(): readonly string[] {
    return [...this.#wanted]
  }

  get collected(): readonly string[] {
    return [...this.#collected]
  }

  /** @returns whether that is news. */
  add(symbol: string): boolean {
    const isNews = !this.#wanted.has(symbol)
    this.#wanted.add(symbol)
    return isNews
  }

  /** @returns whether that is news. */
  remove(symbol: string): boolean {
    return this.#wanted.delete(symbol)
  }

  /** A run begins that has subscribed to nothing yet. */
  begin(): void {
    this.#collected = new Set()
  }

  /** The run is about to subscribe to everything wanted. */
  subscribing(): void {
    this.#collected = new Set(this.#wanted)
  }

  /** Brings what is collected in line with what is wanted. Never rejects: what goes wrong is told. */
  async follow(changes: SymbolChanges): Promise<void> {
    const removed = this.collected.filter((symbol) => !this.#wanted.has(symbol))
    const added = this.wanted.filter((symbol) => !this.#collected.has(symbol))
    // What was asked to leave has left, for all we can do; what was asked to come has come when that is known.
    for (const symbol of removed) this.#collected.delete(symbol)
    await attempt('unsubscribe', removed, changes)
    const isAdded = changes.isCurrent() && (await attempt('subscribe', added, changes))
    if (isAdded && changes.isCurrent()) for (const symbol of added) this.#collected.add(symbol)
  }
}

async function attempt(name: 'subscribe' | 'unsubscribe', symbols: readonly string[], changes: SymbolChanges): Promise<boolean> {
  if (symbols.length === 0) return true
  try {
    const ok = await changes[name](symbols)
    const what = name === 'subscribe' ? 'subscribeToData' : 'unsubscribeFromData'
    if (!ok) changes.onError(new TapekeeperError('COLLECTOR_FAILED', `${what}() returned false for ${symbols.join(', ')}`))
    return ok
  } catch (error) {
    changes.onError(TapekeeperError.from(error, 'COLLECTOR_FAILED'))
    return false
  }
}
