/**
 * Which recorded thing answers which live one: the k-th of a URL the k-th of that URL. Where the recording does not know a URL at
 * all (another host, another port), its path and query decide.
 */
export class ReplayMatch {
  readonly #byUrl = new Map<string, number[]>()
  readonly #byPath = new Map<string, number[]>()
  readonly #taken = new Set<number>()

  constructor(recorded: readonly { readonly id: number; readonly url: string }[]) {
    for (const { id, url } of recorded) {
      push(this.#byUrl, url, id)
      push(this.#byPath, pathOf(url), id)
    }
  }

  take(url: string): number | undefined {
    const queue = this.#queueOf(url)
    while (queue?.[0] !== undefined && this.#taken.has(queue[0])) queue.shift()
    const id = queue?.shift()
    if (id !== undefined) this.#taken.add(id)
    return id
  }

  /** It was not needed after all: the next one who asks gets it. */
  giveBack(url: string, id: number): void {
    this.#taken.delete(id)
    const queue = this.#queueOf(url)
    if (queue !== undefined && !queue.includes(id)) queue.unshift(id)
  }

  #queueOf(url: string): number[] | undefined {
    return this.#byUrl.get(url) ?? this.#byPath.get(pathOf(url))
  }
}

function push(queues: Map<string, number[]>, key: string, id: number): void {
  const queue = queues.get(key)
  if (queue === undefined) queues.set(key, [id])
  else queue.push(id)
}

/** Everything of `GET https://host:1/a?b` but the host. */
const pathOf = (url: string): string => url.replace(/\b[a-z]+:\/\/[^/?#]*/i, '')
