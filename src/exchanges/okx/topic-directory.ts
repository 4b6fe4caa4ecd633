import type { SymbolLookup } from '../../core/exchange-definition.ts'
import { symbolOf } from './symbols.ts'
import { topicKeyOf } from './topics.ts'

/** A topic the decoder has met: its strings are made once and not per frame. */
export interface KnownTopic {
  readonly channel: string
  readonly key: string
  readonly nativeSymbol: string
  /** Our symbol by the naming convention. */
  readonly byConvention: string | undefined
}

/** OKX's longest ids have about 30 characters. */
const LONGEST_NATIVE_SYMBOL = 64
/** Far more than OKX lists; reached only when someone invents instruments, and then we start over. */
const MOST_TOPICS_PER_CHANNEL = 10_000

/** The topics met so far, by channel and instrument. */
export class TopicDirectory {
  readonly #symbols: SymbolLookup
  readonly #channels = new Map<string, Map<string, KnownTopic>>()

  constructor(symbols: SymbolLookup, channels: readonly string[]) {
    this.#symbols = symbols
    for (const channel of channels) this.#channels.set(channel, new Map())
  }

  has(channel: string): boolean {
    return this.#channels.has(channel)
  }

  /** Undefined for a channel that is not ours, or a symbol that cannot be one. */
  find(channel: string, nativeSymbol: string): KnownTopic | undefined {
    const topics = this.#channels.get(channel)
    return topics?.get(nativeSymbol) ?? (topics === undefined ? undefined : this.#meet(topics, channel, nativeSymbol))
  }

  /** The exchange's own list is asked each time: it may be loaded, or change, after the topic was met. */
  symbolOf(topic: KnownTopic): string | undefined {
    return this.#symbols.symbolOf(topic.nativeSymbol) ?? topic.byConvention
  }

  #meet(topics: Map<string, KnownTopic>, channel: string, nativeSymbol: string): KnownTopic | undefined {
    if (nativeSymbol.length === 0 || nativeSymbol.length > LONGEST_NATIVE_SYMBOL) return undefined
    const key = topicKeyOf(channel, nativeSymbol)
    const topic: KnownTopic = { channel, key, nativeSymbol, byConvention: symbolOf(nativeSymbol) }
    if (topics.size >= MOST_TOPICS_PER_CHANNEL) topics.clear()
    topics.set(nativeSymbol, topic)
    return topic
  }
}
