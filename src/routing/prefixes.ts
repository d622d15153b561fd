/**
 * Paths that claim what is below them, the longest wins: a tree with a level for each segment. So finding one costs no more than one look
 * for each segment of the longest prefix, however many prefixes there are and however long the path is. Runs in the gateway; pure.
 *
 * Invariant: `/api` claims `/api` and `/api/…`, never `/apix`; the empty prefix claims every path.
 */
export const NOBODY = -1

interface Node {
  /** Who claims this path and what is below it; NOBODY: the nearest one above. */
  index: number
  /** Null: nothing longer is claimed, so the rest of a path is not looked at. */
  children: Map<string, Node> | null
}

export class Prefixes {
  readonly #top: Node = { index: NOBODY, children: null }

  /** `prefix`: empty, or as in `/shop`; bytes. The first of two with the same prefix has it. */
  add(prefix: string, index: number): void {
    let node = this.#top
    for (const segment of prefix.split('/').slice(1)) {
      node.children ??= new Map()
      let child = node.children.get(segment)
      if (child === undefined) {
        child = { index: NOBODY, children: null }
        node.children.set(segment, child)
      }
      node = child
    }
    if (node.index === NOBODY) node.index = index
  }

  /** `path`: decoded, a character for each byte; begins with a slash, or is empty. */
  find(path: string): number {
    let node = this.#top
    let found = node.index
    let at = 0
    while (node.children !== null && at < path.length) {
      const slash = path.indexOf('/', at + 1)
      const end = slash < 0 ? path.length : slash
      const child = node.children.get(path.slice(at + 1, end))
      if (child === undefined) return found
      node = child
      if (node.index !== NOBODY) found = node.index
      at = end
    }
    return found
  }
}
