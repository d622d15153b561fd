/** Checks that no test waits for time, has a fixed port, or takes anything for right (scripts/lib/test-rules.ts); exit code 1 and a line for each that does. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { problemsOf } from './lib/test-rules.ts'

const root = join(import.meta.dirname, '..')
/** Tests, and the applications and tools that they need. */
const PATTERNS = [
  'test/**/*.{ts,py}',
  'bench/**/*.{ts,py}',
  'scripts/**/*.test.ts',
  'src/**/*.test.ts',
  'src/**/testing/**/*.{ts,py}',
  'src/**/fixtures/**/*.{ts,py}',
  'python/tests/**/*.py',
]
/** Its lines are examples of what is wrong. */
const EXAMPLES = 'scripts/lib/test-rules.test.ts'

const paths = globSync(PATTERNS, { cwd: root }).filter(path => path !== EXAMPLES && !path.includes('node_modules'))
const problems = paths.sort().flatMap(path => problemsOf({ path, text: readFileSync(join(root, path), 'utf8') }))
for (const problem of problems) console.log(problem)
console.log(`${paths.length} files of tests, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0
