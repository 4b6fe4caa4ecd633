import { replayRun } from './replay-run.ts'

// Run by round-trip.test.ts under another Node: prints what the replay of a recording amounts to.
const { points, events, digest } = await replayRun(
  process.env['RECORDING'] ?? '',
  JSON.parse(process.env['ENDPOINTS'] ?? '{}') as Record<string, string>,
)
console.log(JSON.stringify({ node: process.version, points: points.length, events: events.length, digest: digest() }))
