/**
 * Texts by their beginning: the longest one that a text begins with. A tree whose edges are pieces of text, so finding one looks at each
 * character of the text once, however many there are. Runs in the gateway; pure.
 */
interface Node<Value> {
  /** What leads here from the node above. */
  text: string
  value: Value | undefined
  /** By the first byte of their text, less `low`. An array, because a Map costs a request several times as much memory that it has to look at. */
  children: (Node<Value> | null)[]
  low: number
}

export class PrefixTree<Value> {
  readonly #top: Node<Value> = newNode('')

  /** `prefix`: each character is a byte. The first of two with the same prefix stays; false: there was one. */
  add(prefix: string, value: Value): boolean {
    let node = this.#top
    let rest = prefix
    while (rest !== '') {
      const child = childOf(node, rest.charCodeAt(0))
      if (child === null) {
        const last = newNode<Value>(rest)
        last.value = value
        setChild(node, last)
        return true
      }
      const common = commonLength(child.text, rest)
      if (common < child.text.length) {
        // The edge is split: what both have in common gets a node of its own.
        const upper = newNode<Value>(child.text.slice(0, common))
        child.text = child.text.slice(common)
        setChild(upper, child)
        setChild(node, upper)
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
    let node: Node<Value> | null = this.#top
    for (let at = 0; node !== null && text.startsWith(node.text, at); ) {
      at += node.text.length
      if (node.value !== undefined) found.push(node.value)
      node = at < text.length ? childOf(node, text.charCodeAt(at)) : null
    }
    return found
  }

  find(text: string): Value | undefined {
    let node = this.#top
    let found = node.value
    let at = 0
    while (at < text.length) {
      const child = childOf(node, text.charCodeAt(at))
      // Its first byte is the one that it was found by.
      if (child === null || (child.text.length > 1 && !text.startsWith(child.text, at))) return found
      node = child
      at += child.text.length
      if (node.value !== undefined) found = node.value
    }
    return found
  }
}

function newNode<Value>(text: string): Node<Value> {
  return { text, value: undefined, children: [], low: 0 }
}

function childOf<Value>({ children, low }: Node<Value>, byte: number): Node<Value> | null {
  const index = byte - low
  return index >= 0 && index < children.length ? children[index]! : null
}

function setChild<Value>(node: Node<Value>, child: Node<Value>): void {
  const byte = child.text.charCodeAt(0)
  if (node.children.length === 0) node.low = byte
  while (byte < node.low) {
    node.children.unshift(null)
    node.low--
  }
  while (node.children.length <= byte - node.low) node.children.push(null)
  node.children[byte - node.low] = child
}

function commonLength(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a.charCodeAt(i) !== b.charCodeAt(i)) return i
  return length
}
