import { expect, test } from 'vitest'
import { eachSeed, isOneSeed, runs } from '../../support/runs.ts'
import { run } from './lying-market.ts'

const SIZES = { quick: 25, deep: 2_000 }

test('delivered or in a gap within 30 s, whatever lies', async () => {
  const count = { trades: 0, gaps: 0, restarts: 0 }
  await eachSeed(SIZES, async (seed) => {
    const { said, problem, market } = await run(seed)
    if (problem !== undefined) throw new Error(`${problem} [${[...market.faults].join(' ')}]`)
    for (const what of said) {
      if ('point' in what) count.trades++
      else if (what.gap.reason === 'ids-restarted') count.restarts++
      else count.gaps++
    }
  })
  if (isOneSeed) return
  // The faults did something.
  expect(count.trades).toBeGreaterThan(runs(SIZES) * 200)
  expect(count.gaps).toBeGreaterThan(runs(SIZES))
  expect(count.restarts).toBeGreaterThan(runs(SIZES) / 4)
})
