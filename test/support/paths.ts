import { join } from 'node:path'

/** The checkout. */
export const ROOT: string = join(import.meta.dirname, '../..')
/** WSGI applications made for tests. */
export const APPS: string = join(ROOT, 'test/apps')
export const EXAMPLES: string = join(ROOT, 'examples')
