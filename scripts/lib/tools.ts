/** The development tools, as files that Node runs: `.bin` links differ between npm versions. */
import { join } from 'node:path'

export const ROOT: string = join(import.meta.dirname, '../..')
export const TSC: string = join(ROOT, 'node_modules/typescript/bin/tsc')
export const BIOME: string = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
