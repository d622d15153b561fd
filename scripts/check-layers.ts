/** Checks the import rules of `src/` (scripts/lib/layers.ts), circles among them (circles.ts); exit code 1 and a line for each broken one. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { circles } from './lib/circles.ts'
import { violations } from './lib/layers.ts'

const root = join(import.meta.dirname, '..')
const files = globSync('src/**/*.ts', { cwd: root }).map(path => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}))
const found = [...violations(files), ...circles(files)]
for (const line of found) console.log(line)
console.log(`${files.length} files, ${found.length} broken import rules`)
process.exitCode = found.length > 0 ? 1 : 0
