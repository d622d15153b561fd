import { readFileSync } from 'node:fs'

/**
 * The program's version. It is also the build id: the first message on each channel has it, and the reader refuses another one. It comes
 * from package.json, which is two levels above this file both in a checkout (src/base) and in a package (dist/base).
 */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
