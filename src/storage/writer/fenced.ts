/** A listener whose own fault costs nobody a row. */
export function fenced<A extends readonly unknown[]>(listener: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      listener(...args)
    } catch {
      // A listener for errors that fails has nowhere to say so.
    }
  }
}
