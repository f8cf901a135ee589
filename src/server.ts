export { type AppOptions, createApp } from './http/app.ts'
export { serveControl } from './http/control/serve.ts'
export { type Listening, type ListenOptions, listen, type TlsFiles } from './http/listen.ts'
export type { FailureLimitOptions } from './http/operations/failure-limit.ts'
export { metricsApp } from './http/operations/metrics/metrics-route.ts'
export {
  type VaultMetrics,
  type VaultMetricsOptions,
  vaultMetrics,
} from './http/operations/metrics/vault-metrics.ts'
export type { OperationsOptions } from './http/operations/operate.ts'
export type { Reopening, ReopeningStep } from './http/operations/reopening.ts'
export type { ServerLog } from './http/operations/request-log.ts'
export {
  embedded,
  type Initialised,
  type SealStatus,
  type Served,
  type ServedState,
} from './http/served.ts'
export { ServedFolder, type ServedFolderOptions } from './http/served-folder.ts'
