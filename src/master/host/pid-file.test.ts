import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { OperatorError } from '../errors.ts'
import { preparePidFile, removePrepared, writePidFile } from './pid-file.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'jt-'))
  path = join(directory, 'jumak.pid')
})
afterEach(() => rmSync(directory, { recursive: true }))

const isOperatorError = (pattern: RegExp) => (error: unknown) =>
  error instanceof OperatorError && pattern.test(error.message)

test('it has our number, and nothing is left at the end', () => {
  const file = writePidFile(path)
  assert.equal(readFileSync(path, 'latin1'), `${process.pid}\n`)
  file.remove()
  file.remove()
  assert.deepEqual(readdirSync(directory), [])
})

test('what a process has prepared that was killed is removed by the one before it', () => {
  writeFileSync(path, '1\n')
  preparePidFile(path, 1)
  assert.equal(readdirSync(directory).length, 2)
  removePrepared(path, process.pid)
  removePrepared(path, process.pid)
  removePrepared(join(directory, 'no', 'such'), 1)
  assert.deepEqual(readdirSync(directory), ['jumak.pid'])
})

test('another process has overwritten it: the file stays', () => {
  const file = writePidFile(path)
  writeFileSync(path, '1\n')
  file.remove()
  assert.ok(existsSync(path))
})

test('a stale file is replaced: of a process that has ended, of another program, an empty file, our own number', async t => {
  const ended = spawn('true')
  await once(ended, 'exit')
  const sleeper = spawn('sleep', ['60'])
  t.after(() => sleeper.kill())
  await once(sleeper, 'spawn')
  for (const text of [`${ended.pid}\n`, `${sleeper.pid}`, '', `${process.pid}\n`]) {
    writeFileSync(path, text)
    writePidFile(path)
    assert.equal(readFileSync(path, 'latin1'), `${process.pid}\n`)
  }
})

test('a file that names another running Jumak is refused', { skip: process.platform !== 'linux' }, async () => {
  const other = spawn(process.execPath, [
    '-e',
    'console.log(1); setInterval(() => {}, 1000)',
    '/opt/jumak/dist/cli/main.js',
  ])
  await once(other.stdout, 'data')
  writeFileSync(path, `${other.pid}\n`)
  assert.throws(() => writePidFile(path), isOperatorError(new RegExp(`runs already, as process ${other.pid} `)))
  assert.equal(readFileSync(path, 'latin1'), `${other.pid}\n`)
  other.kill('SIGKILL')
  await once(other, 'exit')
})

test('a file that is no pid file is not touched, and a directory that cannot be written is one sentence', () => {
  writeFileSync(path, 'my thesis\n')
  assert.throws(() => writePidFile(path), isOperatorError(/holds no process id/))
  assert.equal(readFileSync(path, 'latin1'), 'my thesis\n')
  assert.throws(() => writePidFile(join(directory, 'none/jumak.pid')), isOperatorError(/cannot write the --pid-file/))
})

test('a FIFO or a device at the path is refused, and never blocks', async () => {
  const module = JSON.stringify(new URL('./pid-file.ts', import.meta.url).href)
  const script = `const { writePidFile } = await import(${module}); writePidFile(process.argv[1])`
  spawnSync('mkfifo', [path])
  for (const what of [path, '/dev/zero']) {
    // In another process, because a blocked one could not be ended from here.
    const words = ['--input-type=module', '-e', script, what]
    const { stderr, signal } = spawnSync(process.execPath, words, { timeout: 20_000, killSignal: 'SIGKILL' })
    assert.equal(signal, null)
    assert.match(String(stderr), /exists and holds no process id/)
  }
})
