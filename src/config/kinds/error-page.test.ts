import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig, reloader } from '../load.ts'
import { parseArguments } from '../sources/arguments.ts'
import { makeEnvironment, makeTree } from '../testing/tree.ts'

const FILES = { 'app.py': 'app = 1', 'down.html': '<p>down', 'down.json': '{}', 'page.php': '' }

function problemsOf(root: string, ...pages: string[]): string {
  const words = pages.flatMap(page => ['--error-page', page])
  const loaded = loadConfig(parseArguments(words), makeEnvironment(root))
  return 'diagnostics' in loaded ? loaded.diagnostics.map(one => one.message).join('\n') : ''
}

test('a wrong error page is refused with the name of the setting', t => {
  const root = makeTree(t, FILES)
  writeFileSync(join(root, 'large.html'), Buffer.alloc(256 * 1024 + 1))
  writeFileSync(join(root, 'latin.html'), Buffer.from([0xe4]))
  const cases: readonly [string, RegExp][] = [
    ['502', /STATUS=FILE/],
    ['200=down.html', /one of these before the equals sign: 400/],
    ['502=', /file that ends in \.html, \.htm, \.json or \.txt/],
    ['502=page.php', /file that ends in/],
    ['502=nowhere.html', /a file that exists/],
    ['502=.html', /a file that exists/],
    ['502=large.html', /at most 256 KiB/],
    ['502=latin.html', /in UTF-8/],
  ]
  for (const [page, problem] of cases) {
    const said = problemsOf(root, page)
    assert.match(said, problem, page)
    assert.match(said, /--error-page/, page)
  }
  assert.match(problemsOf(root, '502=down.html', '502=down.html'), /gives 502 two pages as html/)
})

test('a status has a page for each format; a reload reads the files again', t => {
  const root = makeTree(t, FILES)
  const words = parseArguments(['--error-page', '502=down.html', '--error-page', '502=down.json'])
  const loaded = loadConfig(words, makeEnvironment(root))
  assert.ok('config' in loaded)
  assert.deepEqual(
    loaded.config.errorPages.map(({ format, content }) => [format, content]),
    [
      ['html', '<p>down'],
      ['json', '{}'],
    ],
  )
  writeFileSync(join(root, 'down.html'), '<p>back soon')
  const again = reloader(() => words, makeEnvironment(root), loaded)()
  assert.ok('config' in again)
  assert.equal(again.config.errorPages[0]!.content, '<p>back soon')
})
