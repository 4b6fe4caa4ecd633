import type { Built } from './built.ts'
import type { Skipped, Workload } from './workload.ts'

export async function generatedWorkloads(_built: Built, _count: number, _seed: number): Promise<(Workload | Skipped)[]> {
  return (['trades', 'tickers', 'books5', 'books'] as const).map((channel) => ({
    source: 'generator',
    channel,
    reason: 'not yet',
  }))
}
