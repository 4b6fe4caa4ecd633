import type { HttpPort, HttpRequest, HttpResponse } from '../../src/ports/http.ts'
import type { Ports } from '../../src/ports/ports.ts'
import type { Random } from '../../src/ports/random.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createScriptedSockets, type ScriptedSockets } from './scripted-sockets.ts'

interface TestPorts extends Ports {
  readonly clock: VirtualClock
}

export interface TestWorld {
  readonly clock: VirtualClock
  readonly sockets: ScriptedSockets
  readonly ports: TestPorts
  readonly requests: HttpRequest[]
  /** Answers every HTTP request; default: 404. */
  answer: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>
}

export const httpAnswer = (status: number, body: unknown = '', headers: Readonly<Record<string, string>> = {}): HttpResponse => ({
  status,
  header: (name) => headers[name],
  text: typeof body === 'string' ? body : JSON.stringify(body),
})

/** Every port scripted: virtual clock, seeded chance, scripted sockets, canned HTTP. */
export function createTestWorld(random: Random = seededRandom('test')): TestWorld {
  const clock = createVirtualClock()
  const sockets = createScriptedSockets(() => clock.now())
  const requests: HttpRequest[] = []
  const http: HttpPort = async (request) => {
    requests.push(request)
    return world.answer(request)
  }
  const world: TestWorld = {
    clock,
    sockets,
    requests,
    ports: { clock, random, socket: sockets.factory, http },
    answer: () => httpAnswer(404),
  }
  return world
}

/** Moves the clock until the promise has settled, at most `limitMs`. */
export async function inVirtualTime<T>(clock: VirtualClock, promise: Promise<T>, limitMs = 60_000): Promise<T> {
  const progress = { done: false }
  const finished = promise.finally(() => (progress.done = true))
  finished.catch(() => undefined)
  await clock.settle()
  let step = Infinity
  for (let passed = 0; !progress.done && passed < limitMs;) {
    // A second time 0 is a fraction that is too small beside an epoch time.
    const least = step === 0 ? 0.001 : 0
    step = Math.min(Math.max(least, (clock.nextAt ?? clock.now() + limitMs) - clock.now()), limitMs - passed)
    await clock.advance(step)
    passed += Math.max(step, 1)
  }
  if (!progress.done) throw new Error(`not settled within ${limitMs} virtual milliseconds`)
  return promise
}
