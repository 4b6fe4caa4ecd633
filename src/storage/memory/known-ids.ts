/** The ids of stored rows, each set of them in a scope of its own. */
export class KnownIds {
  readonly #scopes = new Map<string, Set<string>>()

  /** False when it is there already. */
  add(scope: string, id: string): boolean {
    let ids = this.#scopes.get(scope)
    if (ids === undefined) this.#scopes.set(scope, (ids = new Set()))
    if (ids.has(id)) return false
    ids.add(id)
    return true
  }

  delete(scope: string, id: string): void {
    const ids = this.#scopes.get(scope)
    ids?.delete(id)
    if (ids?.size === 0) this.#scopes.delete(scope)
  }

  clear(): void {
    this.#scopes.clear()
  }
}
