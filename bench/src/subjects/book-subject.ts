import type { Workload } from '../workload.ts'
import type { Subject } from './subject.ts'

/** What a keeper of books has to know before the first frame comes. */
export type BookFeed = Pick<Workload, 'nativeSymbols' | 'instrumentOfFrame'>

export type BookLevels = readonly (readonly [price: number, size: number])[]

/** Keeps the whole book of each instrument; `consume` takes a frame and then reads that book's best bid and ask. */
export interface BookSubject extends Subject {
  /** Everything there is on one side of the book, best first. */
  levels(nativeSymbol: string, side: 'bids' | 'asks'): BookLevels
  /** Ends what would keep the process alive. */
  close(): Promise<void>
}

/** @throws when the subjects do not show the same books, level by level, after each frame. */
export function assertSameBooks(subjects: readonly BookSubject[], workload: Workload): void {
  workload.frames.forEach((text, index) => {
    for (const subject of subjects) subject.consume(text, index)
    assertSameBook(subjects, workload.nativeSymbols[workload.instrumentOfFrame[index]!]!, `frame ${index}`)
  })
}

/** @throws when the subjects do not end with the same books. */
export function assertSameEnd(subjects: readonly BookSubject[], workload: Workload): void {
  for (const nativeSymbol of workload.nativeSymbols) assertSameBook(subjects, nativeSymbol, 'the last frame')
}

function assertSameBook([first, ...others]: readonly BookSubject[], nativeSymbol: string, when: string): void {
  for (const side of ['bids', 'asks'] as const) {
    const expected = first!.levels(nativeSymbol, side)
    for (const other of others) {
      const levels = other.levels(nativeSymbol, side)
      const isSame =
        levels.length === expected.length &&
        levels.every(([price, size], i) => price === expected[i]![0] && size === expected[i]![1])
      const shown = (subject: BookSubject, { length, 0: best }: BookLevels): string =>
        `${subject.name} ${length} from ${best?.join(' × ') ?? 'nothing'}`
      if (!isSame) throw new Error(`${nativeSymbol} ${side} after ${when}: ${shown(first!, expected)}, ${shown(other, levels)}`)
    }
  }
}
