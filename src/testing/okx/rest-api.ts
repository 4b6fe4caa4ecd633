import type { Cancel, Clock } from '../../ports/clock.ts'
import type { FakeRestRequest, RestFault } from '../fake-exchange.ts'
import type { TimerScope } from '../timer-scope.ts'
import type { VenueRequest, VenueResponse } from '../venue.ts'
import { Journal } from './journal.ts'
import { RateWindow } from './rate-window.ts'
import { NOT_FOUND, ROUTES, TOO_MANY, type RestAnswer, type RestWorld } from './rest-routes.ts'

const WINDOW_MS = 2_000
/** A browser page on another origin may read everything. */
const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*',
  'access-control-allow-methods': 'GET, POST, OPTIONS',
}

interface ActiveFault {
  readonly fault: RestFault
  readonly until: number
  left: number
}

/** The REST side: routes, limits, and faults on top. */
export class RestApi {
  readonly log = new Journal<FakeRestRequest>()
  delayMs = 0
  readonly #world: RestWorld
  readonly #timers: TimerScope
  readonly #enforceLimits: boolean
  readonly #budgets = new Map<string, RateWindow>()
  #faults: ActiveFault[] = []

  constructor(world: RestWorld, timers: TimerScope, enforceLimits: boolean) {
    this.#world = world
    this.#timers = timers
    this.#enforceLimits = enforceLimits
  }

  fail(wanted: RestFault): void {
    const { status, code, short, empty, cut } = wanted
    // A fault that says only when and where is the ordinary one.
    const isPlain = [status, code, short, empty, cut].every((effect) => effect === undefined)
    const fault: RestFault = isPlain ? { ...wanted, status: 503 } : wanted
    this.#faults.push({ fault, until: this.#timers.now() + (fault.forMs ?? Infinity), left: fault.times ?? Infinity })
  }

  heal(): void {
    this.#faults = []
    this.delayMs = 0
  }

  /** `extraDelayMs` comes on top of REST's own. */
  handle(request: VenueRequest, extraDelayMs: number, answer: (response: VenueResponse | undefined) => void): Cancel {
    const entry = { at: this.#timers.now(), method: request.method, path: request.path, query: Object.fromEntries(request.query) }
    const place = this.log.add({ ...entry, status: undefined })
    const finish = (): void => {
      const response = this.#respond(request)
      this.log.replace(place, { ...entry, status: response?.status })
      answer(response)
    }
    const delayMs = this.delayMs + extraDelayMs
    if (delayMs > 0) return this.#timers.after(delayMs, finish)
    finish()
    return () => undefined
  }

  #respond(request: VenueRequest): VenueResponse | undefined {
    if (request.method === 'OPTIONS') return { status: 204, headers: HEADERS, body: '' }
    const faults = this.#takeFaults(request.path)
    const merged: RestFault = Object.assign({}, ...faults) as RestFault
    if (merged.cut === true) return undefined
    if (merged.status !== undefined || merged.code !== undefined) return failure(merged)
    const answer = this.#answer(request)
    const rows = merged.empty === true ? [] : answer.data.slice(0, merged.short ?? Infinity)
    return respond({ ...answer, data: rows })
  }

  #answer({ path, query, method }: VenueRequest): RestAnswer {
    const route = ROUTES[path]
    if (route === undefined || method !== 'GET') return NOT_FOUND
    const key = route.limitBy === undefined ? path : `${path}?${query.get(route.limitBy) ?? ''}`
    if (this.#enforceLimits && !this.#budget(key, route.limit, this.#timers).tryTake()) return TOO_MANY
    return route.answer(query, this.#world)
  }

  #budget(key: string, limit: number, clock: Clock): RateWindow {
    const known = this.#budgets.get(key)
    if (known !== undefined) return known
    const budget = new RateWindow(clock, limit, WINDOW_MS)
    this.#budgets.set(key, budget)
    return budget
  }

  #takeFaults(path: string): RestFault[] {
    const now = this.#timers.now()
    this.#faults = this.#faults.filter(({ until, left }) => now < until && left > 0)
    const matching = this.#faults.filter(({ fault }) => fault.path === undefined || path.includes(fault.path))
    for (const active of matching) active.left--
    return matching.map(({ fault }) => fault)
  }
}

function failure({ status, code, message, retryAfterSeconds }: RestFault): VenueResponse {
  const http = status ?? 200
  const response = respond({
    status: http,
    code: code ?? (http === 429 ? '50011' : '50001'),
    msg: message ?? 'Service temporarily unavailable.',
    data: [],
  })
  if (retryAfterSeconds === undefined) return response
  return { ...response, headers: { ...response.headers, 'retry-after': String(retryAfterSeconds) } }
}

function respond({ status, code, msg, data }: RestAnswer): VenueResponse {
  return { status, headers: HEADERS, body: JSON.stringify({ code, msg, data }) }
}
