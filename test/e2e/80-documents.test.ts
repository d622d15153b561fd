/** Every command of every page in `docs/`, in order, as a reader would run it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { codeBlocks } from '../support/documents.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { Reader } from '../support/reader.ts'

const DOCS = join(ROOT, 'docs')

const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md'))
const noPython = await whyNoPython()

for (const page of pages.sort()) {
  const blocks = codeBlocks(readFileSync(join(DOCS, page), 'utf8'))
  if (!blocks.some(block => block.language === 'sh')) continue
  test(`docs/${page}`, { skip: noPython }, async t => {
    const reader = new Reader(t)
    try {
      for (const block of blocks) await reader.follow(block)
    } finally {
      await reader.leave()
    }
  })
}
