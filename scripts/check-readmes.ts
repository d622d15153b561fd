/** Checks that the README of a folder names each of its files (scripts/lib/readmes.ts); exit code 1 and a line for each that is missing or gone. */
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { problemsOf } from './lib/readmes.ts'

const root = join(import.meta.dirname, '..')

/** A README beside its files, or above the one folder that it is about. */
const readmes: readonly (readonly [readme: string, folder: string])[] = [
  ...globSync('src/**/README.md', { cwd: root }).map(path => [path, dirname(path)] as const),
  ['python/README.md', 'python/jumak_worker'],
]

/** Its sources, and its folders that have some. Tests are beside what they test. */
function entriesOf(folder: string): string[] {
  const files = globSync('*.{ts,py}', { cwd: join(root, folder) }).filter(name => !name.endsWith('.test.ts'))
  const folders = globSync('*/*.{ts,py}', { cwd: join(root, folder) }).map(path => `${basename(dirname(path))}/`)
  return [...files, ...new Set(folders)].sort()
}

const problems = readmes.flatMap(([readme, folder]) =>
  problemsOf(readme, readFileSync(join(root, readme), 'utf8'), entriesOf(folder)),
)
for (const problem of problems) console.log(problem)
console.log(`${readmes.length} READMEs, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0
