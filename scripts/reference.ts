/** `npm run reference`: writes docs/reference/, from the definitions of the settings. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { referenceFiles } from './lib/reference.ts'

const root = join(import.meta.dirname, '..')
for (const [path, text] of Object.entries(referenceFiles())) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  console.log(path)
}
