import { systemClock, withElapsed, type Clock } from './clock.ts'
import { systemHttp, type HttpPort } from './http.ts'
import { systemRandom, type Random } from './random.ts'
import { systemSocket, type SocketFactory } from './socket.ts'

/**
 * The doors to the outside world. Collectors that are given the same `Ports` object share sockets, dial budgets and instrument lists;
 * tests pass a set of their own (virtual clock, seeded chance, scripted sockets).
 */
export interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly socket: SocketFactory
  readonly http: HttpPort
}

export const systemPorts: Ports = { clock: systemClock, random: systemRandom, socket: systemSocket, http: systemHttp }

/**
 * Ports of a host's own with the system's for what it leaves out. A clock of before `elapsed()` gets one made of its `now()`.
 */
export function completePorts(own: Partial<Ports> = {}): Ports {
  return { ...systemPorts, ...own, clock: withElapsed(own.clock ?? systemPorts.clock) }
}

const CLOCK = ['now', 'after']
const FUNCTIONS = ['random', 'socket', 'http']

/** Whether these are ports, be it not all of them. */
export function isPorts(value: unknown): value is Partial<Ports> {
  if (!isObject(value)) return false
  const { clock } = value
  const isClock = clock === undefined || (isObject(clock) && CLOCK.every((name) => typeof clock[name] === 'function'))
  return isClock && FUNCTIONS.every((name) => value[name] === undefined || typeof value[name] === 'function')
}

/** Whether all are there. */
export const isAllPorts = (value: unknown): value is Ports =>
  isPorts(value) && ['clock', ...FUNCTIONS].every((name) => value[name as keyof Ports] !== undefined)

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
