/** The first release with `net.BoundSocket`, a socket that is bound and does not listen. */
const OLDEST_NODE = 24

/** Why this Node cannot run the program, or null. Nodes that are too old for the other files must be able to load this one. */
export function explainOldNode(version: string): string | null {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return null
  return `needs Node ${OLDEST_NODE} or newer, and this is Node ${version}: see https://nodejs.org`
}
