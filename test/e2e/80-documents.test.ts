/** Every command of every page in `docs/`, in order, as a reader would run it; how-tos: `80-how-tos.test.ts`. What pages say of options, and links. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { ACTIONS, SETTINGS } from '../../src/config/settings/index.ts'
import { tableRows } from '../support/documents.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { testPages } from '../support/reader.ts'

const DOCS = join(ROOT, 'docs')

const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md'))

testPages(page => !page.startsWith('how-to/'), await whyNoPython())

test('what a table tells people to write instead of an option of another server exists', () => {
  const known = new Set([...SETTINGS, ...ACTIONS].map(({ name }) => `--${name}`))
  for (const page of [...pages.map(name => join(DOCS, name)), join(ROOT, 'README.md')]) {
    for (const { columns, line } of tableRows(readFileSync(page, 'utf8'), 'Jumak'))
      for (const [option] of columns.at(-1)!.matchAll(/--[a-z][a-z-]*/g))
        assert.ok(known.has(option), `${page}:${line}: there is no ${option}`)
  }
})

test('links between the documents lead to a page and a heading that are there', () => {
  const roots = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'python/README.md']
  for (const page of [...pages.map(name => join('docs', name)), ...roots]) {
    for (const [link, path, heading] of readFileSync(join(ROOT, page), 'utf8').matchAll(
      /\]\(([^)#:]*)(?:#([^)]*))?\)/g,
    )) {
      const target = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path!)
      assert.ok(existsSync(target), `${page}: ${link}`)
      if (heading !== undefined) assert.ok(anchors(readFileSync(target, 'utf8')).includes(heading), `${page}: ${link}`)
    }
  }
})

/** What a heading is called in a link to it, as code hosts make it. */
function anchors(document: string): string[] {
  return [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  )
}
