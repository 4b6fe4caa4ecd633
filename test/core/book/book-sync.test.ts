import { describe, expect, test } from 'vitest'
import { AWAITING, FRESH, isNumbered, stepBookSync, stepRestSnapshot, type BookSync } from '../../../src/core/book/book-sync.ts'

/** A frame as `kind previous>own`; `?` is a number that was not sent. `rest 7` is a REST snapshot. */
function run(state: BookSync, frames: readonly string[]): string[] {
  let current = state
  let isChained = false
  return frames.map((text) => {
    const [kind = '', numbers = ''] = text.split(' ')
    const parts = numbers.split('>').map((part) => (part === '?' || part === '' ? undefined : Number(part)))
    const frame = {
      kind: kind === 'snapshot' ? ('snapshot' as const) : ('update' as const),
      previousSequence: parts.length > 1 ? parts[0] : undefined,
      sequence: parts.at(-1),
    }
    isChained ||= isNumbered(frame)
    const [next, verdict] = kind === 'rest' ? stepRestSnapshot(current, Number(numbers)) : stepBookSync(current, frame, isChained)
    current = next
    return verdict
  })
}

describe('7.1: the exchange sends a snapshot', () => {
  test.each<readonly [string, BookSync, readonly (readonly [frame: string, verdict: string])[]]>([
    [
      'step 1: updates before an expected snapshot are ignored',
      AWAITING,
      [
        ['update 1>2', 'ignore'],
        ['snapshot 9', 'replace'],
      ],
    ],
    [
      'step 2: the snapshot starts the chain',
      FRESH,
      [
        ['snapshot 9', 'replace'],
        ['update 9>12', 'apply'],
        ['update 12>13', 'apply'],
      ],
    ],
    [
      'step 3: what does not follow is a gap',
      FRESH,
      [
        ['snapshot 9', 'replace'],
        ['update 10>12', 'gap'],
      ],
    ],
    [
      'step 3: neither does a repetition',
      FRESH,
      [
        ['snapshot 9', 'replace'],
        ['update 9>12', 'apply'],
        ['update 9>12', 'gap'],
      ],
    ],
    [
      'step 4: after a gap only a snapshot helps',
      FRESH,
      [
        ['snapshot 9', 'replace'],
        ['update 10>12', 'gap'],
        ['update 12>13', 'ignore'],
        ['snapshot 20', 'replace'],
        ['update 20>21', 'apply'],
      ],
    ],
    [
      'keepalive and maintenance, as in 6.4',
      FRESH,
      [
        ['snapshot 10', 'replace'],
        ['update 10>15', 'apply'],
        ['update 15>15', 'apply'],
        ['update 15>3', 'apply'],
        ['update 3>5', 'apply'],
      ],
    ],
    [
      'step 6: a number that is not sent is not 0',
      FRESH,
      [
        ['snapshot ?', 'replace'],
        ['update ?>?', 'apply'],
        ['update ?>?', 'apply'],
      ],
    ],
    ...['?>11', '9>?', '?>?'].map(
      (numbers) =>
        [
          `once numbered, always numbered: ${numbers} cannot be told from a loss`,
          FRESH,
          [
            ['snapshot 9', 'replace'],
            [`update ${numbers}`, 'gap'],
            ['update 9>10', 'ignore'],
            ['snapshot 11', 'replace'],
            ['update 11>12', 'apply'],
          ],
        ] as const,
    ),
    ...['9>9', '8>9', '?>9', '?>?'].map(
      (numbers) =>
        [
          `a snapshot without a number cannot be continued by ${numbers}`,
          FRESH,
          [
            ['snapshot 8', 'replace'],
            ['snapshot ?', 'replace'],
            [`update ${numbers}`, 'gap'],
          ],
        ] as const,
    ),
    [
      'numbers that begin with an update',
      FRESH,
      [
        ['snapshot ?', 'replace'],
        ['update ?>?', 'apply'],
        ['update 1>2', 'gap'],
      ],
    ],
    [
      'a keepalive that does not follow is a gap, too',
      FRESH,
      [
        ['snapshot 10', 'replace'],
        ['update 11>11', 'gap'],
      ],
    ],
    [
      'going back without having been there is no maintenance',
      FRESH,
      [
        ['snapshot 10', 'replace'],
        ['update 11>3', 'gap'],
      ],
    ],
    [
      'a second snapshot replaces the first',
      FRESH,
      [
        ['snapshot 9', 'replace'],
        ['snapshot 4', 'replace'],
        ['update 4>5', 'apply'],
      ],
    ],
  ])('%s', (_name, state, rows) => {
    expect(
      run(
        state,
        rows.map(([frame]) => frame),
      ),
    ).toEqual(rows.map(([, verdict]) => verdict))
  })
})

describe('7.2: the exchange sends none', () => {
  const opening = [
    ['update 1>2', 'ignore'],
    ['update 2>4', 'fetch-snapshot'],
    ['update 4>7', 'hold'],
  ] as const

  test.each<readonly [string, readonly (readonly [frame: string, verdict: string])[]]>([
    ['step 2: a snapshot that is too old', [...opening, ['rest 1', 'fetch-snapshot'], ['rest 2', 'replace']]],
    [
      'step 3: older events go, the first has to reach across',
      [
        ...opening,
        ['rest 5', 'replace'],
        ['update 2>4', 'ignore'],
        ['update 4>7', 'apply'],
        ['update 7>8', 'apply'],
        ['update 9>10', 'gap'],
      ],
    ],
    [
      'step 3: the one the snapshot already has',
      [...opening, ['rest 4', 'replace'], ['update 2>4', 'ignore'], ['update 4>7', 'apply']],
    ],
    ['step 3: one that starts later', [...opening, ['rest 5', 'replace'], ['update 6>8', 'gap']]],
    ['a keepalive at the snapshot', [...opening, ['rest 7', 'replace'], ['update 7>7', 'apply'], ['update 7>9', 'apply']]],
    ['maintenance at the snapshot', [...opening, ['rest 7', 'replace'], ['update 7>1', 'apply'], ['update 1>2', 'apply']]],
    ['maintenance elsewhere', [...opening, ['rest 8', 'replace'], ['update 7>1', 'gap']]],
    [
      'maintenance while waiting: begin again',
      [...opening, ['update 7>1', 'ignore'], ['rest 9', 'ignore'], ['update 1>2', 'fetch-snapshot'], ['rest 1', 'replace']],
    ],
    [
      'maintenance with the second event',
      [
        ['update 1>9', 'ignore'],
        ['update 9>2', 'ignore'],
        ['update 2>3', 'fetch-snapshot'],
      ],
    ],
    ['a snapshot after all', [...opening, ['snapshot 8', 'replace'], ['rest 9', 'ignore'], ['update 8>9', 'apply']]],
    [
      'half a number is nothing to join by',
      [
        ['update 5>?', 'ignore'],
        ['snapshot ?', 'replace'],
      ],
    ],
    [
      'nothing to join by',
      [
        ['update ?>?', 'ignore'],
        ['update ?>?', 'ignore'],
        ['update ?>5', 'ignore'],
        ['update 5>6', 'ignore'],
        ['update ?>?', 'ignore'],
        ['update 6>7', 'fetch-snapshot'],
        ['rest 7', 'replace'],
        ['update ?>?', 'gap'],
      ],
    ],
  ])('%s', (_name, rows) => {
    expect(
      run(
        FRESH,
        rows.map(([frame]) => frame),
      ),
    ).toEqual(rows.map(([, verdict]) => verdict))
  })
})

test.each(['update ?>?', 'update ?>5', 'update 5>?'])('%s is no first sight of a stream that can be joined', (text) => {
  const [previous, own] = text
    .slice('update '.length)
    .split('>')
    .map((part) => (part === '?' ? undefined : Number(part)))
  const frame = { kind: 'update' as const, previousSequence: previous, sequence: own }
  expect(stepBookSync(FRESH, frame, true)).toEqual([FRESH, 'ignore'])
})
