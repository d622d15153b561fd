/**
 * Values by whole path. V8 hashes each new string that a Map is asked for, which costs more than all else of a search: so a path is looked up
 * only if one of its length is there. Runs in the gateway; pure.
 */
export class PathMap<Value> {
  readonly #values = new Map<string, Value>()
  readonly #lengths = new Set<number>()

  /** The first of two with the same path stays; false: there was one. */
  add(path: string, value: Value): boolean {
    if (this.#values.has(path)) return false
    this.#values.set(path, value)
    this.#lengths.add(path.length)
    return true
  }

  get(path: string): Value | undefined {
    return this.#lengths.has(path.length) ? this.#values.get(path) : undefined
  }
}
