/** Sockets that are bound without listening (`net.BoundSocket`) came with a release of 24. */
const OLDEST_NODE = 24

/** Why this Node will not do, or null. This file must load on Nodes that are too old for the others. */
export function explainOldNode(version: string): string | null {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return null
  return `needs Node ${OLDEST_NODE} or newer, and this is Node ${version}: see https://nodejs.org`
}
