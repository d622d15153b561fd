import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig, reloader } from './load.ts'
import type { Environment, Machine } from './machine/environment.ts'
import { parseArguments } from './sources/arguments.ts'
import { makeEnvironment, makeTree } from './testing/tree.ts'

/** A directory with an application, on a machine of 16 cores and so many descriptors. */
function inShop(t: TestContext, descriptors: number, changes: Partial<Machine> = {}): Environment {
  const limits = `Max open files            1024                 ${String(descriptors).padEnd(20)} files\n`
  const environment = makeEnvironment(makeTree(t, { 'app.py': 'app = 1', 'proc/self/limits': limits }))
  return { ...environment, machine: { ...environment.machine, parallelism: 16, ...changes } }
}

function threads(words: readonly string[], environment: Environment) {
  const loaded = loadConfig(parseArguments(words), environment)
  if ('diagnostics' in loaded) return loaded.diagnostics.map(({ message }) => message)
  const { gatewayThreads, gatewayThreadsReason } = loaded.config
  return [gatewayThreads, gatewayThreadsReason]
}

test('auto: as many as the cores say, and fewer if the limit on open files has no room for their links', t => {
  assert.deepEqual(threads([], inShop(t, 20_000)), [4, 'auto: 16 cores'])
  const tight = inShop(t, 1024)
  assert.deepEqual(threads(['--threads=4'], tight), [3, 'auto: 16 cores, limited by open files'])
  assert.deepEqual(threads(['--threads=256'], tight), [1, 'auto: 16 cores, limited by open files'])
})

test('a number whose links do not fit into the limit on open files is refused, with the numbers', t => {
  assert.deepEqual(threads(['--threads=4', '--gateway-threads=3'], inShop(t, 1024)), [3, ''])
  assert.deepEqual(threads(['--threads=4', '--gateway-threads=4'], inShop(t, 1024)), [
    '--gateway-threads is 4, and with 4 links to each of 64 slots, twice as many during a reload, the gateway holds 576 open files: 1024 are allowed, and clients need half of them; raise the limit (ulimit -n), or have fewer gateway-threads or workers',
  ])
})

test('more than this Node can have is refused, unless development has one in any case', t => {
  const old = inShop(t, 20_000, { nodeVersion: '24.1.0', canCopyDescriptors: false })
  assert.deepEqual(threads([], old), [1, 'auto: Node 24.1.0 can have one'])
  assert.deepEqual(threads(['--gateway-threads=1'], old), [1, ''])
  assert.deepEqual(threads(['--gateway-threads=3', '--reload'], old), [1, 'auto: one while developing'])
  assert.deepEqual(threads(['--gateway-threads=2'], old), [
    '--gateway-threads is 2, and Node 24.1.0 can have one thread: give 1 or auto, or run Jumak on Node 26 or newer, with its module node:ffi',
  ])
})

test('where the user of the gateway cannot read our files there is one thread, and more are refused', t => {
  const environment = inShop(t, 20_000)
  const directory = join(environment.cwd, 'closed')
  mkdirSync(directory, { mode: 0o700 })
  chmodSync(environment.cwd, 0o755)
  const closed = { ...environment, machine: { ...environment.machine, ownFile: join(directory, 'jumak') }, uid: 0 }
  assert.deepEqual(threads(['--user=www-data'], closed), [1, "auto: the user www-data cannot read Jumak's files"])
  assert.deepEqual(threads(['--user=www-data', '--gateway-threads=2'], closed), [
    `--gateway-threads is 2, and each thread reads Jumak's files as the user www-data, who may not enter ${directory}: install Jumak where all users may read it, or give 1 or auto`,
  ])
  assert.deepEqual(threads(['--gateway-threads=2'], closed), [2, ''])
})

test('a reload keeps the number, whatever the machine has become, and is refused if new links do not fit', t => {
  const environment = inShop(t, 1024)
  const machine = { ...environment.machine }
  const args = parseArguments([])
  const write = (text: string) => writeFileSync(join(environment.cwd, 'jumak.toml'), text)
  const changing = { ...environment, machine }
  write('threads = 4\n')
  const loaded = loadConfig(args, changing)
  assert.ok('config' in loaded)
  assert.equal(loaded.config.gatewayThreads, 3)
  const reload = reloader(() => args, changing, loaded)
  machine.parallelism = 64
  write('threads = 1\nworkers = 2\n')
  const reloaded = reload()
  assert.ok('config' in reloaded)
  assert.deepEqual(
    [reloaded.config.gatewayThreads, reloaded.config.gatewayThreadsReason],
    [3, 'auto: 16 cores, limited by open files'],
  )
  write('threads = 8\nworkers = 16\n')
  const refused = reload()
  assert.ok('problems' in refused)
  assert.match(refused.problems.join('\n'), /gateway-threads is 3, and with 3 links to each of 128 slots/)
})
