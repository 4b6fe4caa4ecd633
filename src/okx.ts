/** OKX alone. */
export { okx } from './exchanges/okx/index.ts'
export type { OkxCustomParams } from './exchanges/okx/custom-params.ts'
export { createOkxCollector, OkxCollector, type OkxCollectorConfig } from './manager/okx-collector.ts'
