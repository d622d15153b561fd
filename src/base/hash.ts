/** FNV-1a, and the last steps of MurmurHash3: 32 bits. `seed`: a secret where somebody could gain by choosing what a key leads to. */
export function hashOf(key: string, seed = 0x811c9dc5): number {
  let hash = seed
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
