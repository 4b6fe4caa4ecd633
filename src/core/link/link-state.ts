import { stayAwayMs } from '../../ports/retry-after.ts'

/** Why a connection was lost, in words for people and in facts for the back-off. */
export interface LinkLoss {
  readonly message: string
  /** WebSocket close code, where there was one. */
  readonly closeCode?: number | undefined
  /** HTTP status of a refused handshake. */
  readonly status?: number | undefined
  /** The server asked us to stay away this long, which is heeded up to ten minutes. Milliseconds. */
  readonly retryAfterMs?: number | undefined
}

/**
 * One WebSocket connection. Every dial has an epoch of its own, and news of an older epoch changes nothing.
 * `attempt` counts dials since the link last proved stable.
 */
export type LinkState =
  | { readonly status: 'idle' }
  | { readonly status: 'connecting' | 'authenticating' | 'open'; readonly epoch: number; readonly attempt: number }
  | {
      readonly status: 'waiting'
      readonly epoch: number
      readonly attempt: number
      /** Elapsed time of the next dial. */
      readonly until: number
      readonly loss: LinkLoss
    }
  | { readonly status: 'closed'; readonly reason: 'stopped' | 'auth' }

export type LinkInput =
  | { readonly type: 'start' }
  | { readonly type: 'opened'; readonly epoch: number }
  | { readonly type: 'logged-in'; readonly epoch: number }
  /** The credentials will never work: no further dial. */
  | { readonly type: 'auth-failed'; readonly epoch: number }
  /** Data has flowed for a while; the next loss starts the back-off afresh. */
  | { readonly type: 'proved-stable'; readonly epoch: number }
  | { readonly type: 'lost'; readonly epoch: number; readonly loss: LinkLoss }
  | { readonly type: 'timer'; readonly epoch: number }
  | { readonly type: 'stop' }

export type LinkEffect =
  | { readonly type: 'dial'; readonly epoch: number; readonly attempt: number }
  | { readonly type: 'login'; readonly epoch: number }
  | { readonly type: 'ready'; readonly epoch: number }
  | { readonly type: 'discard'; readonly epoch: number; readonly politely: boolean }
  | { readonly type: 'wake'; readonly epoch: number; readonly at: number }

export interface LinkEnv {
  /** Elapsed time. */
  readonly now: number
  readonly needsLogin: boolean
  /** Back-off before the dial that follows `attempt`. Milliseconds. */
  delayFor(attempt: number): number
}

type Step = readonly [LinkState, readonly LinkEffect[]]

/** The whole behaviour of a link: a state and an input give the next state and what to do. Pure. */
export function stepLink(state: LinkState, input: LinkInput, env: LinkEnv): Step {
  if ('epoch' in input && (!('epoch' in state) || input.epoch !== state.epoch)) return [state, []]
  switch (state.status) {
    case 'idle':
      if (input.type === 'start') return dial(1, 0)
      return input.type === 'stop' ? [{ status: 'closed', reason: 'stopped' }, []] : [state, []]
    case 'connecting':
      if (input.type === 'opened') {
        return env.needsLogin
          ? [{ ...state, status: 'authenticating' }, [{ type: 'login', epoch: state.epoch }]]
          : [{ ...state, status: 'open' }, [{ type: 'ready', epoch: state.epoch }]]
      }
      return end(state, input, env)
    case 'authenticating':
      if (input.type === 'logged-in') return [{ ...state, status: 'open' }, [{ type: 'ready', epoch: state.epoch }]]
      return end(state, input, env)
    case 'open':
      if (input.type === 'proved-stable') return [{ ...state, attempt: 0 }, []]
      return end(state, input, env)
    case 'waiting':
      if (input.type === 'timer') return dial(state.epoch + 1, state.attempt + 1)
      if (input.type !== 'stop') return [state, []]
      return [{ status: 'closed', reason: 'stopped' }, [{ type: 'discard', epoch: state.epoch, politely: false }]]
    case 'closed':
      return [state, []]
  }
}

function dial(epoch: number, attempt: number): Step {
  return [{ status: 'connecting', epoch, attempt }, [{ type: 'dial', epoch, attempt }]]
}

/** The three ways out of a connection that exists or is being made. */
function end(state: LinkState & { epoch: number; attempt: number }, input: LinkInput, env: LinkEnv): Step {
  const { epoch, attempt } = state
  switch (input.type) {
    case 'stop':
      return [{ status: 'closed', reason: 'stopped' }, [{ type: 'discard', epoch, politely: true }]]
    case 'auth-failed':
      return [{ status: 'closed', reason: 'auth' }, [{ type: 'discard', epoch, politely: true }]]
    case 'lost': {
      const until = env.now + Math.max(env.delayFor(attempt), stayAwayMs(input.loss.retryAfterMs) ?? 0)
      return [
        { status: 'waiting', epoch, attempt, until, loss: input.loss },
        [
          { type: 'discard', epoch, politely: false },
          { type: 'wake', epoch, at: until },
        ],
      ]
    }
    default:
      return [state, []]
  }
}
