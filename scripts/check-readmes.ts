/**
 * Checks that each folder has a README which names each of its files (scripts/lib/readmes.ts), and that the files which comments
 * and documents name are there (scripts/lib/mentions.ts). Exit code 1 and a line for each that is missing or gone.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { missingFiles } from './lib/mentions.ts'
import { problemsOf } from './lib/readmes.ts'

const root = join(import.meta.dirname, '..')

/** Beside the program: folders that a newcomer looks into. */
const OTHERS = ['bench', 'scripts', 'scripts/lib', 'test/support']

/** Every folder with sources of the program has a README; those that are only for its unit tests need none. */
const folders = [
  ...OTHERS,
  ...new Set(
    globSync('{src,python/jumak_worker}/**/*.{ts,py}', { cwd: root }).flatMap(path => withParents(dirname(path))),
  ),
]
  .filter(folder => folder !== 'src' && !/\/(testing|fixtures|__pycache__)$/.test(folder))
  .sort()

/** `src/a/b` → `src/a/b`, `src/a`. */
function withParents(folder: string): string[] {
  return folder === 'src' || folder === 'python/jumak_worker' ? [folder] : [folder, ...withParents(dirname(folder))]
}

/** Its sources, and its folders that have some. Tests are beside what they test. */
function entriesOf(folder: string): string[] {
  const files = globSync('*.{ts,py}', { cwd: join(root, folder) }).filter(name => !name.endsWith('.test.ts'))
  const folders = globSync('*/*.{ts,py}', { cwd: join(root, folder) }).map(path => `${basename(dirname(path))}/`)
  return [...files, ...new Set(folders)].sort()
}

const problems = folders.flatMap(folder => {
  const readme = join(folder, 'README.md')
  if (!existsSync(join(root, readme))) return [`${folder}: has no README.md`]
  return problemsOf(readme, readFileSync(join(root, readme), 'utf8'), entriesOf(folder))
})
/** Files of users, of Python, and of nobody, that comments and documents take as examples. */
const EXAMPLES = [
  'server.py',
  'api.py',
  'bdb.py',
  '/venv/lib/python3.13/site-packages/django/core/handlers/base.py',
  'a.ts',
  'name.test.ts',
  'python/tests/test_name.py',
]
/** It tells what was, with the names of that time. */
const HISTORY = 'CHANGELOG.md'

const named = globSync('{*.md,{src,python,docs,test,bench,scripts,examples}/**/*.{md,ts,py}}', { cwd: root }).filter(
  path => path !== HISTORY && !path.endsWith('.test.ts'),
)
const sources = globSync('{src,python,test,bench,scripts,examples}/**/*.{ts,py}', { cwd: root })
for (const path of named)
  problems.push(...missingFiles(path, readFileSync(join(root, path), 'utf8'), [...sources, ...EXAMPLES]))

for (const problem of problems) console.log(problem)
console.log(`${folders.length} folders, ${named.length} texts, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0
