export { createFileLogger, type FileLogger } from './logging/file-logger.ts'
export type { FileLoggerOptions } from './logging/file-logger-options.ts'
export { fromPino } from './logging/from-pino.ts'
