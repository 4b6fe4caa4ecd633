import type { PointOf } from '../../domain/market-data.ts'
import { parseConfig } from '../../errors/config-problems.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Output } from '../../outputs/output.ts'
import { OutputFeed } from '../../outputs/output-feed.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { Sink } from '../../ports/sink.ts'
import { StorageSink } from '../../storage/storage-sink.ts'
import { givenOutput, givenRepositories, type OrMaker, type Repositories, type ResolvedSinkOptions } from './sink-options.ts'

export interface SinkWorld {
  /** Whose sinks these are; names their lanes in the spool. */
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly onError: (error: TapekeeperError) => void
  /** Trades that will not be in the repository. */
  readonly onLostTrades: (trades: readonly PointOf<'trade'>[]) => void
}

/** Where sinks lead to. */
export interface Ends {
  readonly repositories: Repositories | undefined
  readonly outputs: readonly Output[]
  /** Those of them that were made here. */
  readonly made: readonly Closable[]
}

type ClosableSink = Sink & { close(signal?: AbortSignal): Promise<void> }
interface Closable {
  close(): Promise<void>
}

/** The sinks of one collector or manager, from its start to its stop. */
export class OpenSinks {
  readonly sinks: readonly ClosableSink[]
  readonly #ends: Ends
  readonly #world: SinkWorld

  constructor(ends: Ends, { storage, forceUpdateCandles }: ResolvedSinkOptions, world: SinkWorld) {
    const { name, clock, random, onError, onLostTrades } = world
    const { repositories, outputs } = ends
    const sinks: ClosableSink[] = outputs.map((output) => new OutputFeed({ name, output, clock, random, onError }))
    if (repositories !== undefined) {
      const tools = { clock, random, onError, onLost: onLostTrades }
      const sink = new StorageSink({ ...storage, ...tools, name, repositories, forceUpdateCandles })
      // What an earlier process left in the spool need not wait for the first row.
      void sink.open()
      sinks.push(sink)
    }
    this.sinks = sinks
    this.#ends = ends
    this.#world = world
  }

  /** First what waits is brought where it belongs, until the signal aborts; then what was made here is closed. Never rejects. */
  async close(signal: AbortSignal): Promise<void> {
    await Promise.all(this.sinks.map((sink) => sink.close(signal)))
    await closeEnds(this.#ends, this.#world)
  }
}

/**
 * Makes what has to be made.
 *
 * @throws TapekeeperError when a maker fails, or makes something else; what was made before is closed again.
 */
export async function makeEnds(options: ResolvedSinkOptions, world: SinkWorld): Promise<Ends> {
  const made = new Set<Closable>()
  try {
    const repositories = await repositoriesOf(options.repositories, made)
    const outputs: Output[] = []
    // One after the other, so that what was made before one fails is known.
    for (const output of options.outputs) outputs.push(await outputOf(output, made))
    return { repositories, outputs, made: [...made] }
  } catch (error) {
    await closeEnds({ made: [...made] }, world)
    throw TapekeeperError.from(error, 'DATABASE_FAILED', { component: world.name })
  }
}

async function repositoriesOf(given: OrMaker<Repositories> | undefined, made: Set<Closable>): Promise<Repositories | undefined> {
  if (typeof given !== 'function') return given
  const { repositories } = parseConfig(givenRepositories, { repositories: await given() }, 'what repositories() made')
  for (const repository of [repositories.marketData, repositories.rawTrades]) if (repository !== undefined) made.add(repository)
  return repositories
}

async function outputOf(given: OrMaker<Output>, made: Set<Closable>): Promise<Output> {
  if (typeof given !== 'function') return given
  const { output } = parseConfig(givenOutput, { output: await given() }, 'what a function of outputs made')
  made.add(output)
  return output
}

/** Never rejects. */
export async function closeEnds({ made }: Pick<Ends, 'made'>, { onError }: SinkWorld): Promise<void> {
  const close = async (closable: Closable): Promise<void> => closable.close()
  await Promise.all(
    made.map((closable) => close(closable).catch((error: unknown) => onError(TapekeeperError.from(error, 'DATABASE_FAILED')))),
  )
}
