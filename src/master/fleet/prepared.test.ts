import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PreparedPreloaders } from './prepared.ts'

test('a file that does not end is named after a while, and given up in the end', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'gunicorn.conf.py')
  writeFileSync(path, 'while True: pass\n')
  const lines: string[] = []
  const prepared = new PreparedPreloaders(line => lines.push(line), { tellMs: 1, limitMs: 300 })
  const file = { path, module: null, display: './gunicorn.conf.py' }
  const evaluated = await prepared.evaluate({
    file,
    directory,
    python: null,
    identity: null,
    variables: process.env,
  })
  assert.deepEqual(lines, ['still evaluating ./gunicorn.conf.py after 1 ms; it has 300 ms in all'])
  assert.deepEqual(evaluated, {
    problem: './gunicorn.conf.py: the process that evaluates it did not end within 300 ms',
  })
})
