import { countIds, idPlus, type IdValue } from '../../domain/trade-id.ts'

/** How many pieces there may be. */
const MOST_PIECES = 500

/** A range in pieces of so many ids; of more where they would become too many. */
export function* piecesOf<Id extends IdValue>(
  { first, last }: { readonly first: Id; readonly last: Id },
  size: number,
): Generator<{ readonly first: Id; readonly last: Id }, undefined> {
  const step = Math.max(size, Math.ceil(countIds(first, last) / MOST_PIECES))
  // The ids of one range are all of one kind, or of both.
  for (let from = first; from <= last; from = idPlus(from, step) as Id) {
    const end = idPlus(from, step - 1) as Id
    yield { first: from, last: end < last ? end : last }
  }
}
