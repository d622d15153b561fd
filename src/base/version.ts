import { readFileSync } from 'node:fs'

/**
 * The program's version, which is also the build id that every process says in its hello: from package.json, two levels up
 * from this file in a checkout (src/base) and in a package (dist/base).
 */
export const version: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
