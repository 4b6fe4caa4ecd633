import type { MarketDataRepository, RawTradeRepository, Repository } from '../../storage/repository.ts'
import type { ContractRepositories } from './contract-types.ts'

export const marketDataOf = ({ marketData }: ContractRepositories): MarketDataRepository => {
  if (marketData === undefined) throw new Error('create() must give marketData: the repository stores candles')
  return marketData
}

export const rawTradesOf = ({ rawTrades }: ContractRepositories): RawTradeRepository => {
  if (rawTrades === undefined) throw new Error('create() must give rawTrades: the repository stores trades')
  return rawTrades
}

/** One object that is both is there once. */
export const repositoriesOf = ({ marketData, rawTrades }: ContractRepositories): readonly Repository[] =>
  [...new Set<Repository | undefined>([marketData, rawTrades])].filter((repository) => repository !== undefined)

export type FrameRepository = Required<Pick<RawTradeRepository, 'saveFrames' | 'frames'>>

export function framesOf(repository: RawTradeRepository): FrameRepository {
  if (repository.saveFrames === undefined || repository.frames === undefined)
    throw new Error('a repository that stores frames has saveFrames() and frames()')
  return repository as FrameRepository
}
