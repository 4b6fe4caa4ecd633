/** What the rules look at: an order-book frame without its levels. */
export interface SequencedFrame {
  readonly kind: 'snapshot' | 'update'
  readonly sequence: number | undefined
  /** Undefined where the exchange does not send one; never to be read as 0 (7.1, step 6). */
  readonly previousSequence: number | undefined
}

export const isNumbered = ({ sequence, previousSequence }: SequencedFrame): boolean =>
  sequence !== undefined || previousSequence !== undefined

/**
 * - `fresh`: newly subscribed; the first frame tells whether the exchange sends snapshots
 * - `awaiting`: a snapshot is expected; updates until then are leftovers
 * - `first-seen`: an update came first, so there will be no snapshot; the next one tells where to join
 * - `buffering`: waiting for a REST snapshot numbered `from` or later
 * - `joining`: the REST snapshot is in place; updates may still be older than it
 * - `synced`: each update has to follow `last`
 */
export type BookSync =
  | { readonly status: 'fresh' | 'awaiting' | 'first-seen' }
  | { readonly status: 'buffering'; readonly from: number }
  | { readonly status: 'joining'; readonly last: number }
  | { readonly status: 'synced'; readonly last: number | undefined }

/**
 * - `replace`: the book is now this snapshot
 * - `apply`: amend the book
 * - `ignore`: says nothing about our book
 * - `hold`: keep it for after the snapshot
 * - `fetch-snapshot`: keep it, and get a snapshot over REST
 * - `gap`: an update is missing; the book is wrong from here on
 */
type BookVerdict = 'replace' | 'apply' | 'ignore' | 'hold' | 'fetch-snapshot' | 'gap'

export type BookSyncStep = readonly [next: BookSync, verdict: BookVerdict]

export const FRESH: BookSync = { status: 'fresh' }
export const AWAITING: BookSync = { status: 'awaiting' }
const FIRST_SEEN: BookSync = { status: 'first-seen' }

/**
 * What to do with one frame. Pure. `isChained`: this stream has been numbered, by this frame or an earlier one; what is not, cannot be
 * told from a loss any more. Numbered as section 7 of the OKX fact sheet: 7.1 where the exchange sends a snapshot, 7.2 where
 * it does not. Other exchanges that chain their updates by sequence number fit as well.
 */
export function stepBookSync(state: BookSync, frame: SequencedFrame, isChained = isNumbered(frame)): BookSyncStep {
  // 7.1, step 2. In every state: what the exchange says of its own accord is the newest.
  if (frame.kind === 'snapshot') return [{ status: 'synced', last: frame.sequence }, 'replace']
  const { sequence, previousSequence } = frame
  switch (state.status) {
    case 'synced':
      // 7.1, step 3. `last` moves on even if the number is smaller (maintenance) or equal (keepalive).
      if (isChained && (sequence === undefined || previousSequence === undefined || previousSequence !== state.last))
        return [AWAITING, 'gap']
      return [{ status: 'synced', last: sequence }, 'apply']
    case 'awaiting':
      // 7.1, step 1, and step 4 after a gap.
      return [state, 'ignore']
    case 'fresh':
      // 7.2, step 1. Without numbers there is nothing to join by: that stream has to send a snapshot.
      return [sequence === undefined || previousSequence === undefined ? state : FIRST_SEEN, 'ignore']
    case 'first-seen':
      if (previousSequence === undefined || sequence === undefined || isReset(sequence, previousSequence))
        return [state, 'ignore']
      return [{ status: 'buffering', from: previousSequence }, 'fetch-snapshot']
    case 'buffering':
      // A new numbering makes `from` meaningless: begin again.
      if (sequence === undefined || isReset(sequence, previousSequence)) return [FIRST_SEEN, 'ignore']
      return [state, 'hold']
    case 'joining':
      return join(state, sequence, previousSequence)
  }
}

/** What to do with a REST snapshot: 7.2, step 2. */
export function stepRestSnapshot(state: BookSync, sequence: number): BookSyncStep {
  if (state.status !== 'buffering') return [state, 'ignore']
  return sequence < state.from ? [state, 'fetch-snapshot'] : [{ status: 'joining', last: sequence }, 'replace']
}

/** 7.2, step 3. */
function join(
  state: Extract<BookSync, { status: 'joining' }>,
  sequence: number | undefined,
  previousSequence: number | undefined,
): BookSyncStep {
  if (sequence === undefined || previousSequence === undefined) return [AWAITING, 'gap']
  if (previousSequence > state.last) return [AWAITING, 'gap']
  // One that continues the snapshot itself is held to 7.1, step 3 already, also if it is a keepalive or a reset.
  if (previousSequence < state.last) {
    if (isReset(sequence, previousSequence)) return [AWAITING, 'gap']
    if (sequence <= state.last) return [state, 'ignore']
  }
  return [{ status: 'synced', last: sequence }, 'apply']
}

/** After maintenance the numbers start again from below. */
function isReset(sequence: number, previousSequence: number | undefined): boolean {
  return previousSequence !== undefined && sequence < previousSequence
}
