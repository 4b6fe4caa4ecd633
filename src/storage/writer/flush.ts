/** Somebody waits for what was taken so far. */
export interface Flush {
  /** Everything taken up to here is meant. */
  readonly order: number
  /** As many lines have to have left the spool; undefined until everything has left the memory. */
  dropped: number | undefined
  isAborted: boolean
  /** The last attempt to bring it into the spool has been made. */
  isLastTry: boolean
  readonly done: () => void
}
