import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsOf } from './readmes.ts'

const README = `# part

| what | why |
| --- | --- |
| \`other.ts\` | no table of files |

| file             | concern          |
| ---------------- | ---------------- |
| \`a.ts\`, \`b.ts\`   | see \`elsewhere.ts\` |
| \`wire/\`          | frames           |

| file too | late |
`

test('a table that names each file and folder once', () => {
  assert.deepEqual(problemsOf('part/README.md', README, ['a.ts', 'b.ts', 'wire/']), [])
})

test('what is not named, and what is gone', () => {
  assert.deepEqual(problemsOf('part/README.md', README, ['a.ts', 'wire/', 'new.ts']), [
    'part/README.md: does not name new.ts',
    'part/README.md: names b.ts, which is not there',
  ])
})

test('what is named twice', () => {
  const twice = README.replace('b.ts', 'a.ts')
  assert.deepEqual(problemsOf('part/README.md', twice, ['a.ts', 'wire/']), ['part/README.md: names a.ts twice'])
})

test('a README without such a table', () => {
  assert.equal(problemsOf('part/README.md', '# part\n', ['a.ts']).length, 1)
})
