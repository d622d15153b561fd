/**
 * Loaded before a file of tests, with `--import`: keeps what Node makes of our sources for the next file that loads them, as a checkout's
 * program does (`src/cli/main.ts`). It is no variable of the environment, because programs that a test starts would inherit that.
 */
import module from 'node:module'
import { join } from 'node:path'
import { ROOT } from './tools.ts'

module.enableCompileCache(join(ROOT, '.cache/compiled'))
