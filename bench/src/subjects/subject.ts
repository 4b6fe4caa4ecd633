/** OKX channels that are measured. */
export type Channel = 'trades' | 'tickers' | 'books5' | 'books'

/** One way of turning a frame's text into something a program can use. */
export interface Subject {
  readonly name: string
  readonly version: string
  /** What is timed, for the table's legend. */
  readonly path: string
  /** Why the library has no such path; undefined when it has. */
  lacks(channel: Channel): string | undefined
  /** Takes the workload's frame at `index`; returns how many rows it delivered, or `undefined` where the library only keeps state. */
  consume(text: string, index: number): number | undefined
  /** Exchange time of what was delivered or stored last (for this instrument), epoch milliseconds: proves that the work was done. */
  lastTimestamp(channel: Channel, nativeSymbol: string): number
}
