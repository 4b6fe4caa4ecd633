/** From the least important to the most. A file of its own: the environment names a level, and the default logger asks the environment. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
