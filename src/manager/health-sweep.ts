import type { CollectorSummary } from '../core/collector/status-report.ts'
import type { Logger } from '../ports/logger.ts'
import type { ManagedCollector } from './managed-collector.ts'
import type { ManagerHealth, UnhealthyCollector } from './manager-events.ts'
import { isUp } from './revival-policy.ts'

/** So many names are spelt out in one log line. */
const NAMED = 10

export const isFine = (managed: ManagedCollector, summary: CollectorSummary): boolean =>
  summary.isHealthy && !managed.hasFailed(summary)

/** Looks at all collectors at once and says in the log what has changed since the last look. */
export class HealthSweep {
  #unhealthy: ReadonlySet<string> = new Set()

  /** Nothing is known of the time before. */
  forget(): void {
    this.#unhealthy = new Set()
  }

  look(
    collectors: Iterable<ManagedCollector>,
    at: number,
    logger: Logger,
    issues: readonly string[],
    onFailed: (managed: ManagedCollector, summary: CollectorSummary) => void,
  ): ManagerHealth {
    const unhealthy: UnhealthyCollector[] = []
    let healthy = 0
    for (const managed of collectors) {
      if (!managed.enabled) continue
      const summary = managed.summary()
      const { status, issues } = summary
      if (isFine(managed, summary)) {
        if (isUp(status)) healthy++
        continue
      }
      unhealthy.push({ name: managed.name, status, issues })
      onFailed(managed, summary)
    }
    this.#log(unhealthy, healthy, logger)
    return { at, isHealthy: unhealthy.length === 0 && issues.length === 0, healthy, unhealthy, issues }
  }

  #log(unhealthy: readonly UnhealthyCollector[], healthy: number, logger: Logger): void {
    const names = new Set(unhealthy.map(({ name }) => name))
    const news = unhealthy.filter(({ name }) => !this.#unhealthy.has(name))
    const recovered = [...this.#unhealthy].filter((name) => !names.has(name))
    this.#unhealthy = names
    const counts = { healthy, unhealthy: unhealthy.length }
    if (news.length > 0) {
      const newly = news.slice(0, NAMED).map(({ name, status, issues }) => `${name} (${issues.join(', ') || status})`)
      logger.warn(`${news.length} newly unhealthy`, { ...counts, newly })
    }
    if (recovered.length > 0)
      logger.info(`${recovered.length} healthy again`, { ...counts, recovered: recovered.slice(0, NAMED) })
  }
}
