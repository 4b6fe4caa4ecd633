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

type ClosableSink = Sink & { close(signal?: AbortSignal): Promise<void> }
interface Closable {
  close(): Promise<void>
}

/** The sinks of one collector or manager, from its start to its stop. */
export class OpenSinks {
  readonly sinks: readonly ClosableSink[]
  readonly #made: readonly Closable[]
  readonly #onError: (error: TapekeeperError) => void

  constructor(sinks: readonly ClosableSink[], made: readonly Closable[], onError: (error: TapekeeperError) => void) {
    this.sinks = sinks
    this.#made = made
    this.#onError = onError
  }

  /** First what waits is brought where it belongs, until the signal aborts; then what was made here is closed. Never rejects. */
  async close(signal: AbortSignal): Promise<void> {
    await Promise.all(this.sinks.map((sink) => sink.close(signal)))
    await closeAll(this.#made, this.#onError)
  }
}

/**
 * Makes what has to be made, and a sink for each way out.
 *
 * @throws TapekeeperError when a maker fails, or makes something else; what was made before is closed again.
 */
export async function openSinks(options: ResolvedSinkOptions, world: SinkWorld): Promise<OpenSinks> {
  const { storage, forceUpdateCandles } = options
  const { name, clock, random, onError, onLostTrades } = world
  const made = new Set<Closable>()
  try {
    const repositories = await repositoriesOf(options.repositories, made)
    const outputs: Output[] = []
    // One after the other, so that what was made before one fails is known.
    for (const output of options.outputs) outputs.push(await outputOf(output, made))
    const sinks: ClosableSink[] = outputs.map((output) => new OutputFeed({ name, output, clock, random, onError }))
    if (repositories !== undefined) {
      const tools = { clock, random, onError, onLost: onLostTrades }
      const sink = new StorageSink({ ...storage, ...tools, name, repositories, forceUpdateCandles })
      // What an earlier process left in the spool need not wait for the first row.
      void sink.open()
      sinks.push(sink)
    }
    return new OpenSinks(sinks, [...made], onError)
  } catch (error) {
    await closeAll([...made], onError)
    throw TapekeeperError.from(error, 'DATABASE_FAILED', { component: name })
  }
}

async function repositoriesOf(given: OrMaker<Repositories> | undefined, made: Set<Closable>): Promise<Repositories | undefined> {
  if (typeof given !== 'function') return given
  const { repositories } = parseConfig(givenRepositories, { repositories: await given() }, 'what repositories() made')
  for (const repository of Object.values(repositories)) if (repository !== undefined) made.add(repository)
  return repositories
}

async function outputOf(given: OrMaker<Output>, made: Set<Closable>): Promise<Output> {
  if (typeof given !== 'function') return given
  const { output } = parseConfig(givenOutput, { output: await given() }, 'what a function of outputs made')
  made.add(output)
  return output
}

async function closeAll(made: readonly Closable[], onError: (error: TapekeeperError) => void): Promise<void> {
  const close = async (closable: Closable): Promise<void> => closable.close()
  await Promise.all(
    made.map((closable) => close(closable).catch((error: unknown) => onError(TapekeeperError.from(error, 'DATABASE_FAILED')))),
  )
}
