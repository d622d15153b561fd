/** Checks that no regular expression of the program can take more than linear time (scripts/lib/regexes.ts); exit code 1 and a line for each that may. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Allowed, judge, pythonRegexes, regexesOf } from './lib/regexes.ts'

const PROJECT = "reads a file of the user's own project, at start"
const OPERATOR = 'reads what whoever starts the program has written, at start'

/** None of these reads what a stranger sends. */
const ALLOWED: readonly Allowed[] = [
  { path: 'src/config/application/python-source.ts', pattern: null, reason: PROJECT },
  {
    path: 'src/config/application/python-source.ts',
    pattern: `('''|""")[\\s\\S]*?\\1|'(?:\\\\.|[^'\\\\\\n])*'|"(?:\\\\.|[^"\\\\\\n])*"|#[^\\n]*`,
    reason: PROJECT,
  },
  { path: 'src/config/application/python-source.ts', pattern: '^(from\\s+\\S+\\s+)?import\\s+(.+)$', reason: PROJECT },
  {
    path: 'src/config/sources/toml.ts',
    pattern: `^\\s*([\\w.-]+)\\s*=\\s*([^\\s"'[{#][^"'#]*?)\\s*(?:#.*)?$`,
    reason: OPERATOR,
  },
  {
    path: 'src/config/sources/variables.ts',
    pattern:
      '^JUMAK_(?:\\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\\w+)?|PORT(?:_\\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$',
    reason: 'reads names of variables of the environment, at start',
  },
  {
    path: 'src/master/fleet/stacks.ts',
    pattern: '^(?=(?:Current thread|Thread) 0x[0-9a-f]+ )',
    reason: 'looks at the beginning of each line once, as far as a number goes: nothing in it can match in two ways',
  },
  {
    path: 'src/patterns/pattern.ts',
    pattern: null,
    reason:
      'a pattern of the configuration: src/patterns/cost.ts proves for which subjects it is fast enough, and it gets no other',
  },
]

const root = join(import.meta.dirname, '..')
const isForTests = (path: string) => path.endsWith('.test.ts') || path.includes('/testing/')
const sources = globSync('src/**/*.ts', { cwd: root }).filter(path => !isForTests(path))
const python = globSync('python/jumak_worker/**/*.py', { cwd: root })
const regexes = [
  ...sources.flatMap(path => regexesOf(path, readFileSync(join(root, path), 'utf8'))),
  ...(await pythonRegexes('python3', python, root)),
]
const problems = judge(regexes, ALLOWED)
for (const problem of problems) console.log(problem)
if (problems.length > 0)
  console.log('Scan by hand what others send; what only the user writes may be listed in scripts/check-regexes.ts.')
console.log(`${regexes.length} regular expressions, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0
