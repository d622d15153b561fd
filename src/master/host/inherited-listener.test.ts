/** Each socket goes to a process of its own, as from a service manager; the process only reports what it got. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { bindListeners } from './listeners.ts'

const directory = mkdtempSync(join(tmpdir(), 'jt-'))
after(() => rmSync(directory, { recursive: true }))

const SCRIPT = `
  const { bindListeners } = await import(${JSON.stringify(join(import.meta.dirname, 'listeners.ts'))})
  try {
    const [listener] = await bindListeners([{ kind: 'fd', fd: 3 }])
    if (process.argv[1] === 'serve') require('node:net').createServer(s => s.end('served')).listen({ fd: listener.fd })
    console.log(JSON.stringify(listener))
    if (process.argv[1] !== 'serve') listener.close()
  } catch (error) {
    console.log(error.name + ' ' + error.message)
  }
`

/** The same of each. */
const ADOPTED = { key: 'fd://3', placed: null, isShared: true, scheme: 'http', hasProxyHeader: false }

/** What a process reports about its descriptor 3. */
async function adopt(fd: number | 'ignore', mode = 'look'): Promise<{ said: string; end(): void }> {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { createRequire } from 'node:module'; const require = createRequire('/'); ${SCRIPT}`,
      mode,
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit', fd],
    },
  )
  const [said] = await once(child.stdout!, 'data')
  return { said: String(said).trim(), end: () => void child.kill('SIGKILL') }
}

test('a bound TCP socket is served under its address', async () => {
  const [bound] = await bindListeners([{ kind: 'tcp', host: '127.0.0.1', port: 0 }])
  const { said, end } = await adopt(bound!.fd, 'serve')
  assert.deepEqual(JSON.parse(said), { fd: 3, display: bound!.display, unixPath: null, port: bound!.port, ...ADOPTED })
  const client = net.connect(bound!.port, '127.0.0.1')
  assert.equal(String((await once(client, 'data'))[0]), 'served')
  end()
  bound!.close()
})

test('a socket that listens already, and IPv6', async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = net.createServer().listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle
    const { said } = await adopt(fd)
    const name = host === '::1' ? '[::1]' : host
    assert.deepEqual(JSON.parse(said), { fd: 3, display: `http://${name}:${port}`, unixPath: null, port, ...ADOPTED })
    server.close()
  }
})

test('a Unix socket: its path is shown and stays', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async () => {
  const path = join(directory, 'a socket')
  const server = net.createServer().listen(path)
  await once(server, 'listening')
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  const { said } = await adopt(fd)
  assert.deepEqual(JSON.parse(said), { fd: 3, display: `unix:${path}`, unixPath: path, port: 0, ...ADOPTED })
  assert.ok(existsSync(path))
  server.close()
})

test('a descriptor that no client could connect to is refused with a sentence', async () => {
  const file = openSync(import.meta.filename, 'r')
  assert.match((await adopt(file)).said, /^OperatorError cannot listen on fd:\/\/3: it is no socket; hand a bound/)
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  const [accepted] = await once(server, 'connection')
  const { fd } = (accepted as { _handle: { fd: number } })._handle
  assert.match((await adopt(fd)).said, /it is connected to a client/)
  client.destroy()
  server.close()
  await assert.rejects(bindListeners([{ kind: 'fd', fd: 1_000_000 }]), /fd:\/\/1000000: there is no such descriptor/)
})
