/** The real process, as the master starts it, and what it loads. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { extname, join } from 'node:path'
import { test } from 'node:test'
import { version } from '../base/version.ts'
import { testConfig } from '../config/testing/config.ts'
import { gatewayPart } from '../control/config-shape.ts'

/** Writes the path of each module that is loaded to descriptor 4. */
const TELL_MODULES = `
import { registerHooks } from 'node:module'
import { writeSync } from 'node:fs'
registerHooks({ load(url, context, next) { writeSync(4, url + '\\n'); return next(url, context) } })`

/** All modules that the gateway has loaded when it listens. */
async function modulesOf(gatewayThreads: number): Promise<string[]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  const gateway = fork(join(import.meta.dirname, `main${extname(import.meta.filename)}`), {
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      '--import',
      `data:text/javascript,${encodeURIComponent(TELL_MODULES)}`,
    ],
    stdio: ['ignore', 'ignore', 'inherit', fd, 'pipe', 'ipc'],
  })
  let text = ''
  gateway.stdio[4]!.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const config = gatewayPart(testConfig({ gatewayThreads }))
  const listeners = [
    {
      fd: 3,
      display: 'http://127.0.0.1',
      unixPath: null,
      port: 80,
      isShared: false,
      scheme: 'http',
      hasProxyHeader: false,
    },
  ]
  gateway.send({
    type: 'start',
    build: version,
    config,
    affinityKey: '0'.repeat(64),
    listeners,
    waits: false,
    tls: null,
  })
  const ended = Promise.all([once(gateway, 'exit'), once(gateway.stdio[4]!, 'close')])
  gateway.on('message', (message: { readonly type: string }) => {
    if (message.type === 'listening') gateway.disconnect()
  })
  await ended
  server.close()
  return text.split('\n')
}

const THREADS = /\/(?:shared|threads)\/[\w-]+\.[jt]s$/

test('a gateway with one thread loads nothing that several threads need', async () => {
  const modules = await modulesOf(1)
  assert.ok(
    modules.some(url => /\/gateway\/one-thread\.[jt]s$/.test(url)),
    'modules are told',
  )
  assert.deepEqual(
    modules.filter(url => THREADS.test(url)),
    [],
  )
})

// `ws` loads node:tls for its clients.
const TLS = /\/tls\/[\w-]+\.[jt]s$|\/transports\/tls\.[jt]s$|\/connections\/handshakes\.[jt]s$/

test('a gateway without certificates loads nothing of TLS', async () => {
  const modules = await modulesOf(1)
  assert.deepEqual(
    modules.filter(url => TLS.test(url)),
    [],
  )
})

// Also of what only sites need of other parts.
const SITES = /\/sites\/[\w-]+\.[jt]s$|\/patterns\/[\w-]+\.[jt]s$|\/static\/locations\.[jt]s$/

test('a gateway without sites loads nothing of sites', async () => {
  const modules = await modulesOf(1)
  assert.deepEqual(
    modules.filter(url => SITES.test(url)),
    [],
  )
})
