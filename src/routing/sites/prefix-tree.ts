/**
 * Texts by their beginning: the longest one that a text begins with. A tree whose edges are pieces of text, so finding one looks at each
 * character of the text once, however many there are. Runs in the gateway; pure.
 */
interface Node<Value> {
  /** What leads here from the node above. */
  text: string
  value: Value | undefined
  /** By the first character of their text. */
  children: Map<number, Node<Value>> | null
}

export class PrefixTree<Value> {
  readonly #top: Node<Value> = { text: '', value: undefined, children: null }

  /** The first of two with the same prefix stays; false: there was one. */
  add(prefix: string, value: Value): boolean {
    let node = this.#top
    let rest = prefix
    while (rest !== '') {
      node.children ??= new Map()
      const first = rest.charCodeAt(0)
      const child = node.children.get(first)
      if (child === undefined) {
        node.children.set(first, { text: rest, value, children: null })
        return true
      }
      const common = commonLength(child.text, rest)
      if (common < child.text.length) {
        // The edge is split: what both have in common gets a node of its own.
        const upper: Node<Value> = { text: child.text.slice(0, common), value: undefined, children: new Map() }
        child.text = child.text.slice(common)
        upper.children!.set(child.text.charCodeAt(0), child)
        node.children.set(first, upper)
        node = upper
      } else node = child
      rest = rest.slice(common)
    }
    if (node.value !== undefined) return false
    node.value = value
    return true
  }

  /** All that the text begins with, the shortest first. */
  along(text: string): Value[] {
    const found: Value[] = []
    let node: Node<Value> | undefined = this.#top
    for (let at = 0; node !== undefined && text.startsWith(node.text, at); ) {
      at += node.text.length
      if (node.value !== undefined) found.push(node.value)
      node = node.children?.get(text.charCodeAt(at))
    }
    return found
  }

  find(text: string): Value | undefined {
    let node = this.#top
    let found = node.value
    let at = 0
    while (node.children !== null && at < text.length) {
      const child = node.children.get(text.charCodeAt(at))
      if (child === undefined || !text.startsWith(child.text, at)) return found
      node = child
      at += child.text.length
      if (node.value !== undefined) found = node.value
    }
    return found
  }
}

function commonLength(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a.charCodeAt(i) !== b.charCodeAt(i)) return i
  return length
}
