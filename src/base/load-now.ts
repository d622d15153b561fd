/** Modules that are loaded within a call, when it turns out that they are needed. */
import { createRequire } from 'node:module'
import { extname } from 'node:path'

/**
 * As `import()`, but at once: for what a message or a new configuration needs before the next one is looked at. `name`: without extension, relative to
 * the module of `from`. Neither it nor what it imports may await anything at its top. Say its type: `loadNow<typeof import('./x.ts')>`.
 */
export function loadNow<Module>(from: ImportMeta, name: string): Module {
  return createRequire(from.url)(`${name}${extname(from.filename)}`)
}
