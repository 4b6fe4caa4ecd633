import { systemClock, type Clock } from './clock.ts'
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
