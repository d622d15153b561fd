/** The entry as a process: its output and its exit codes. After a right command line the master takes over: not here. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { version } from '../base/version.ts'
import { makeTree } from '../config/testing/tree.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

async function run(words: readonly string[], cwd: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...words], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

test('--version prints the versions of Jumak and Node on standard output', async t => {
  assert.deepEqual(await run(['--version'], makeTree(t)), {
    code: 0,
    stdout: `jumak ${version} (Node ${process.versions.node})\n`,
    stderr: '',
  })
})

test('--help goes to standard output without colours in a pipe, even when the rest is wrong', async t => {
  const { code, stdout, stderr } = await run(['-w', '0', '--help'], makeTree(t))
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^Serves a Python web application.*\n\nUsage: jumak \[SETTING \.\.\.\] \[APP\]\n/)
})

test('-h is the short form, and not a question if it is the value of a flag', async t => {
  const { code, stdout } = await run(['shop', '-h'], makeTree(t))
  assert.equal(code, 0)
  assert.ok(stdout.split('\n').length <= 16, stdout)
  assert.match((await run(['--chdir', '--help', '-w0'], makeTree(t))).stdout, /^Serves .*\n\nUsage:/)
  assert.equal((await run(['--chdir=--help', 'shop'], makeTree(t))).code, 2)
})

test('mistakes are exit code 2: a line each on standard error, with a hint, and nothing on standard output', async t => {
  const { code, stdout, stderr } = await run(['-w', '0', '--wrokers=3', 'shop'], makeTree(t))
  assert.deepEqual([code, stdout], [2, ''])
  assert.deepEqual(stderr.split('\n'), [
    'jumak: there is no flag --wrokers; did you mean --workers?',
    "jumak: --workers must be a whole number from 1 to 1024, or auto, not '0'",
    'jumak: try jumak --help',
    '',
  ])
})

test('a reader that leaves early is no error', async t => {
  const child = spawn(process.execPath, [MAIN, '--help'], { cwd: makeTree(t), stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  assert.deepEqual([code, stderr], [0, ''])
})

test('a removed working directory is exit code 1 with a message', async t => {
  const directory = join(makeTree(t), 'gone')
  mkdirSync(directory)
  // Only a shell can remove its own working directory before the program starts.
  const script = `rmdir "$1" && shift && exec "$@"`
  const child = spawn('sh', ['-c', script, 'sh', directory, process.execPath, MAIN, 'shop'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  assert.equal(code, 1)
  assert.equal(stderr, 'jumak: the working directory does not exist any more; change to one that does\n')
})
