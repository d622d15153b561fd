import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'

const REPORT = join(import.meta.dirname, 'test-report.ts')
const PROGRAM = `
  import { run } from 'node:test'
  import { reportTests } from ${JSON.stringify(REPORT)}
  const outcome = await reportTests(run({ files: process.argv.slice(2) }), text => process.stdout.write(text))
  console.log('outcome', JSON.stringify(outcome))
`

test('a line a file, failures whole, skipped tests with their reason, and the count at the end', t => {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-report-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const [good, bad] = [join(directory, 'good.test.mjs'), join(directory, 'bad.test.mjs')]
  const program = join(directory, 'program.mjs')
  writeFileSync(program, PROGRAM)
  const imports = "import { test } from 'node:test'\n"
  writeFileSync(good, `${imports}for (let i = 0; i < 30; i++) test('quiet ' + i, () => {})\n`)
  writeFileSync(
    bad,
    `${imports}test('broken', () => { throw new Error('the reason') })\ntest('left out', { skip: 'no moon' }, () => {})\n`,
  )
  // A process of its own: within a test file Node runs no others.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = spawnSync(process.execPath, [program, good, bad], { encoding: 'utf8', env })
  const text = stripVTControlCharacters(stdout)
  assert.match(text, /^ok {5}\S*good\.test\.mjs +30 tests/m)
  assert.match(text, /^FAILED \S*bad\.test\.mjs +2 tests/m)
  assert.match(text, /Error: the reason\n +at .*bad\.test\.mjs:2/)
  assert.match(text, /^skipped: .*bad\.test\.mjs: left out \(no moon\)$/m)
  assert.match(text, /^ℹ pass 30\nℹ fail 1$/m)
  assert.match(text, /outcome {"failed":1,"skipped":1}/)
  // No line for a test that passes, but for the ten slowest.
  assert.ok(text.split('quiet').length - 1 <= 10)
})
