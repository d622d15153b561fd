import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { OperatorError } from './errors.ts'
import { createRuntimeDirectory } from './runtime-directory.ts'

let temporary: string
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'jt-'))
})
afterEach(() => rmSync(temporary, { recursive: true }))

/** As a killed master leaves it: a socket file that nobody answers. */
async function makeStale(name: string): Promise<void> {
  const path = join(temporary, name)
  mkdirSync(path)
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', script, join(path, 'control.sock')], { stdio: 'inherit' }), 'exit')
}

test('it is private to the user and can be removed with what is in it', async () => {
  const directory = await createRuntimeDirectory(temporary)
  assert.match(basename(directory.path), /^jumak-\w+$/)
  assert.equal(statSync(directory.path).mode & 0o777, 0o700)
  assert.equal(directory.controlSocket, join(directory.path, 'control.sock'))
  writeFileSync(join(directory.path, 'w1.out'), '')
  directory.remove()
  directory.remove()
  assert.deepEqual(readdirSync(temporary), [])
})

test('what a killed master left is swept', async () => {
  await makeStale('jumak-dead')
  writeFileSync(join(temporary, 'jumak-dead/w3.out'), '')
  const directory = await createRuntimeDirectory(temporary)
  assert.deepEqual(readdirSync(temporary), [basename(directory.path)])
})

test('the directory of a master that answers stays', async () => {
  mkdirSync(join(temporary, 'jumak-alive'))
  const server = createServer().listen(join(temporary, 'jumak-alive/control.sock'))
  await once(server, 'listening')
  await createRuntimeDirectory(temporary)
  assert.ok(readdirSync(temporary).includes('jumak-alive'))
  server.close()
})

test('a directory without a socket stays while its master may still be starting, and goes when it is old', async () => {
  mkdirSync(join(temporary, 'jumak-new'))
  mkdirSync(join(temporary, 'jumak-old'))
  utimesSync(join(temporary, 'jumak-old'), 1, 1)
  await createRuntimeDirectory(temporary)
  const names = readdirSync(temporary)
  assert.ok(names.includes('jumak-new'))
  assert.ok(!names.includes('jumak-old'))
})

test('what only looks like ours stays: other files in it, a file, a symbolic link', async () => {
  await makeStale('jumak-notes')
  writeFileSync(join(temporary, 'jumak-notes/thesis.txt'), '')
  writeFileSync(join(temporary, 'jumak-file'), '')
  mkdirSync(join(temporary, 'elsewhere'))
  symlinkSync('elsewhere', join(temporary, 'jumak-link'))
  utimesSync(join(temporary, 'elsewhere'), 1, 1)
  await createRuntimeDirectory(temporary)
  const names = readdirSync(temporary)
  for (const name of ['jumak-notes', 'jumak-file', 'jumak-link', 'elsewhere']) assert.ok(names.includes(name), name)
})

test('a temporary directory that is too deep for sockets, or missing, is one sentence', async () => {
  const deep = join(temporary, 'd'.repeat(80))
  mkdirSync(deep)
  await assert.rejects(
    createRuntimeDirectory(deep),
    (error: unknown) => error instanceof OperatorError && /TMPDIR/.test(error.message),
  )
  assert.deepEqual(readdirSync(deep), [])
  await assert.rejects(createRuntimeDirectory(join(temporary, 'missing')), /cannot create a directory/)
})
