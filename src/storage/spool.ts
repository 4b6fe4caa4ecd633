/**
 * Somewhere on this machine where lines wait while a database is away: append-only, in order, there after a crash. Each writer has a
 * lane of its own. In the box: `createFileSpool` of `tapekeeper/node`.
 */
export interface Spool {
  /** @param name of the writer; the same name finds what an earlier process left. */
  lane(name: string): SpoolLane
}

/** One queue of lines. All methods reject with a TapekeeperError `SPOOL_FAILED` and nothing else. */
export interface SpoolLane {
  /** Before anything else; finds what an earlier process left. Idempotent; one that failed may be tried again. */
  open(): Promise<void>
  /** Lines that wait. 0 until it is open. */
  readonly lines: number
  /** What they take on the disk; what is dropped may still be in it as long as lines behind it wait. */
  readonly bytes: number
  /** All or nothing, and safe from a crash once it resolves. Lines hold no line break. */
  append(lines: readonly string[]): Promise<void>
  /** The oldest lines, at most so many; they stay. None: nothing waits. */
  read(count: number): Promise<readonly string[]>
  /** All that wait, oldest first; they stay. What is appended meanwhile may or may not be among them. */
  scan(): AsyncIterable<string>
  /** Forgets the oldest lines, which have been read. After a crash some of them may come back. */
  drop(count: number): Promise<void>
  /** Keeps lines that nothing can be done with, out of the way, for people to look at. */
  setAside(lines: readonly string[]): Promise<void>
  /** Lines that wait stay. */
  close(): Promise<void>
}
