export { createVirtualClock, type VirtualClock } from './testing/virtual-clock.ts'
export { createVirtualExchange } from './testing/create-virtual-exchange.ts'
export { seededRandom } from './testing/seeded-random.ts'
export { repositoryContract } from './testing/repository-contract/repository-contract.ts'
export type {
  ContractExpect,
  ContractRepositories,
  ContractSubject,
  ContractTestFunction,
  RepositoryContractOptions,
} from './testing/repository-contract/contract-types.ts'
export { startFakeExchange } from './testing/start-fake-exchange.ts'
export { CORRUPT_KINDS, type CorruptKind } from './testing/okx/corrupt.ts'
export { DEFAULT_CREDENTIALS, type FakeCredentials } from './testing/okx/login.ts'
export { okxInstrument, type FakeInstrument, type OkxInstrument } from './testing/okx/instruments.ts'
export type {
  ConnectionFilter,
  DataFilter,
  FakeBook,
  FakeConnection,
  FakeDial,
  FakeEndpoints,
  FakeExchange,
  FakeExchangeOptions,
  FakeFaults,
  FakeFill,
  FakeOrder,
  FakeRequest,
  FakeRestRequest,
  LoopbackOptions,
  MuteEnd,
  RestFault,
  VirtualExchange,
  VirtualOptions,
} from './testing/fake-exchange.ts'
