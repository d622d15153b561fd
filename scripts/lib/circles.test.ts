import assert from 'node:assert/strict'
import { test } from 'node:test'
import { circles } from './circles.ts'

/** `{ 'a.ts': ['./b.ts'] }` */
function filesOf(imports: Readonly<Record<string, readonly string[]>>) {
  return Object.entries(imports).map(([path, specifiers]) => ({
    path: `src/${path}`,
    text: specifiers.map(one => `import type { X } from '${one}'\n`).join(''),
  }))
}

test('a tree and a diamond have no circle', () => {
  assert.deepEqual(
    circles(filesOf({ 'a.ts': ['./b.ts', './c.ts'], 'b.ts': ['./d.ts'], 'c.ts': ['./d.ts'], 'd.ts': [] })),
    [],
  )
})

test('two files that import each other, types only, are one', () => {
  const files = filesOf({ 'one/a.ts': ['../two/b.ts'], 'two/b.ts': ['../one/a.ts', './c.ts'], 'two/c.ts': [] })
  assert.deepEqual(circles(files), ['these files import one another: src/one/a.ts, src/two/b.ts'])
})

test('a long circle is found once, and two of them apart', () => {
  const long = filesOf({
    'a.ts': ['./b.ts'],
    'b.ts': ['./c.ts'],
    'c.ts': ['./d.ts', './a.ts'],
    'd.ts': ['./e.ts'],
    'e.ts': ['./d.ts'],
  })
  assert.deepEqual(circles(long), [
    'these files import one another: src/a.ts, src/b.ts, src/c.ts',
    'these files import one another: src/d.ts, src/e.ts',
  ])
})

test('tests may close a circle', () => {
  assert.deepEqual(
    circles(filesOf({ 'a.ts': ['./testing/b.ts'], 'testing/b.ts': ['../a.ts'], 'a.test.ts': ['./a.ts'] })),
    [],
  )
})
