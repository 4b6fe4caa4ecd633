import { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type {
  MarketDataRepository,
  RawTradeRepository,
  Repository,
  RepositoryCapabilities,
  StoredKind,
  WriteResult,
} from '../../storage/repository.ts'
import type { ContractExpect, ContractRepositories, ContractSubject } from './contract-types.ts'
import { framesOf, marketDataOf, rawTradesOf, repositoriesOf, type FrameRepository } from './repositories-of.ts'
import { shelfOf, type RowKind, type Shelf } from './shelf.ts'

/** One test of the suite. */
export interface ContractTest {
  readonly name: string
  /** What the repository must store for it. */
  readonly needs: readonly StoredKind[]
  /** Default: none. */
  readonly needsCapability?: 'isPersistent' | 'isShared' | undefined
  run(world: ContractWorld): Promise<void>
}

/** A field that is undefined may be left out; some of the hosts' `toEqual` tell the two apart. */
const lenient =
  (expect: ContractExpect): ContractExpect =>
  (actual) => ({
    toBe: (expected) => expect(actual).toBe(expected),
    toEqual: (expected) => expect(known(actual)).toEqual(known(expected)),
  })

/** Without the fields that are undefined, in plain objects and lists however deep. */
function known(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(known)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(fields.map(([name, field]) => [name, known(field)]))
}

/** What one test sees: the repositories, all opened so far, and the host's `expect`. */
export class ContractWorld {
  readonly expect: ContractExpect
  readonly subject: ContractSubject
  /** What the author says. */
  readonly capabilities: RepositoryCapabilities
  #current: ContractRepositories
  readonly #opened: ContractRepositories[]

  constructor(expect: ContractExpect, subject: ContractSubject, capabilities: RepositoryCapabilities) {
    this.expect = lenient(expect)
    this.capabilities = capabilities
    this.subject = subject
    this.#current = subject
    this.#opened = [subject]
  }

  get marketData(): MarketDataRepository {
    return marketDataOf(this.#current)
  }

  get rawTrades(): RawTradeRepository {
    return rawTradesOf(this.#current)
  }

  get frames(): FrameRepository {
    return framesOf(this.rawTrades)
  }

  shelf(kind: RowKind): Shelf {
    return shelfOf(kind, this.#current)
  }

  get repositories(): readonly Repository[] {
    return repositoriesOf(this.#current)
  }

  /** Closes what is open and opens the same database again. */
  async reopen(): Promise<void> {
    await this.close()
    this.#current = await this.openAnother()
  }

  /** Opens the same database once more. */
  async openAnother(): Promise<ContractRepositories> {
    if (this.subject.reopen === undefined)
      throw new Error('the contract needs create() to give reopen: the repository is persistent')
    const repositories = await this.subject.reopen()
    this.#opened.push(repositories)
    return repositories
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.flatMap(repositoriesOf).map((repository) => repository.close()))
  }
}

export const wrote = (inserted: number, kept = 0, overwritten = 0): WriteResult => ({ inserted, kept, overwritten })

export async function collect<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const collected: Row[] = []
  for await (const row of rows) collected.push(row)
  return collected
}

/** In words what an action was rejected with: `closed`, `row` and so on of a DatabaseOperationError, else the code, else everything. */
export async function faultOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (DatabaseOperationError.is(error))
      return error.operation === '' || error.table === '' ? 'an error without words' : error.fault
    return TapekeeperError.is(error) ? error.code : `neither DatabaseOperationError nor TapekeeperError: ${messageOf(error)}`
  }
  return 'nothing, it resolved'
}
