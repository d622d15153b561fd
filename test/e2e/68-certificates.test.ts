/** Certificates of a running program: new ones come into force, wrong ones do not, and sessions outlive gateway and program. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import type { ProgramStatus } from '../../src/control/admin-messages.ts'
import { Authority, type Certificate } from '../support/certificates.ts'
import { APPS } from '../support/paths.ts'
import { hasEnded } from '../support/processes.ts'
import { Project, temporaryDirectory } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Ended, runJumak } from '../support/run.ts'
import { type Server, startServer, until } from '../support/server.ts'

const authority = new Authority()
const first = authority.issue({ names: ['localhost', 'first.example'] })
const second = authority.issue({ names: ['localhost', 'second.example'] })

/** As a Kubernetes secret: the files are links through `..data`, which is exchanged. */
class Secret {
  readonly directory: string
  #count = 0

  constructor(t: TestContext) {
    this.directory = temporaryDirectory(t)
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(this.directory, name))
  }

  get args(): string[] {
    return ['--tls-cert', join(this.directory, 'tls.crt'), '--tls-key', join(this.directory, 'tls.key')]
  }

  place({ certificate, key }: Pick<Certificate, 'certificate' | 'key'>): void {
    const version = join(this.directory, `..${++this.#count}`)
    mkdirSync(version)
    copyFileSync(certificate, join(version, 'tls.crt'))
    copyFileSync(key, join(version, 'tls.key'))
    symlinkSync(version, join(this.directory, '..next'))
    renameSync(join(this.directory, '..next'), join(this.directory, '..data'))
  }
}

function command(server: Server, ...words: string[]): Promise<Ended> {
  return runJumak([...words, '--admin-socket', join(server.temporaryDirectory, 'admin.sock')], APPS)
}

async function certificatesOf(server: Server): Promise<NonNullable<ProgramStatus['certificates']>> {
  return JSON.parse((await command(server, 'status', '--json')).stdout).certificates
}

interface Seen {
  readonly names: string
  readonly isReused: boolean
  /** For further connections. A resumed one brings no new one. */
  readonly session: Buffer | undefined
}

/** One request on a connection of its own. */
async function ask(server: Server, session?: Buffer): Promise<Seen> {
  const socket: TLSSocket = connect({
    port: server.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: readFileSync(authority.file),
    ...(session === undefined ? {} : { session }),
  })
  const tickets: Buffer[] = []
  socket.on('session', ticket => tickets.push(ticket))
  await once(socket, 'secureConnect')
  const [names, isReused] = [socket.getPeerX509Certificate()?.subjectAltName ?? '', socket.isSessionReused()]
  socket.write('GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  let answer = ''
  for await (const data of socket) answer += data
  assert.match(answer, /^HTTP\/1\.1 200 /)
  return { names, isReused, session: tickets.at(-1) }
}

/** USR2. The old program is gone afterwards: until then it may accept clients as well. */
async function upgrade(server: Server): Promise<void> {
  const old = server.pid
  server.signal('SIGUSR2')
  await server.upgraded()
  await until(
    () => hasEnded(old),
    () => 'the old program lives on',
  )
}

test('new certificates and wrong ones; resumption after the death of the gateway and an upgrade', async t => {
  const secret = new Secret(t)
  secret.place(first)
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', ...secret.args] })
  assert.match((await ask(server)).names, /first\.example/)
  assert.deepEqual((await certificatesOf(server))[0]!.names, ['localhost', 'first.example'])

  secret.place(second)
  await server.waitForLog(/info +master +new certificate for localhost, valid until/)
  const seen = await ask(server)
  assert.match(seen.names, /second\.example/)

  secret.place({ certificate: first.certificate, key: second.key })
  const wrong = /tls-key .*\/tls\.key: it is the key of another certificate than that of localhost/
  server.expectLog(wrong, /reload: nothing changes, because the settings are wrong/)
  const { code, stderr } = await command(server, 'reload')
  assert.notEqual(code, 0)
  assert.match(stderr, wrong)
  const [state] = await certificatesOf(server)
  assert.match(state!.problem, wrong)
  assert.ok(state!.daysLeft > 3000)
  assert.match((await command(server, 'status')).stdout, /^certificate +localhost, second\.example +until .* days$/m)

  const from = server.log.length
  server.expectLog(/gateway.*(SIGKILL|killed)/)
  process.kill(server.gateway().pid, 'SIGKILL')
  await server.waitForLog(/gateway.*(SIGKILL|killed)/, from)
  assert.equal((await ask(server, seen.session)).isReused, true)
  assert.match((await ask(server)).names, /second\.example/)

  secret.place(first)
  await upgrade(server)
  assert.equal((await ask(server, seen.session)).isReused, true)
  assert.match((await ask(server)).names, /first\.example/)
  await server.stop()
})

test('TLS that a file begins waits for the next start, and an upgrade is one', async t => {
  const project = new Project(t, { 'jumak.toml': 'app = "app"\nworkers = 1\n' })
  copyFileSync(join(APPS, 'plain.py'), project.path('app.py'))
  const server = await startServer({ directory: project.directory })
  const tls = `\n[[tls]]\ncert = "${first.certificate}"\nkey = "${first.key}"\n`
  project.save('jumak.toml', `app = "app"\nworkers = 1\n${tls}`)
  server.expectLog(
    /reload: \[\[tls\]\] changed, which takes effect at the next start of the program, or with jumak upgrade/,
  )
  assert.match((await command(server, 'reload')).stdout, /\[\[tls\]\] changed, which takes effect at the next start/)
  assert.equal((await getOnce(server.port, '/hello')).status, 200)
  await upgrade(server)
  assert.match((await ask(server)).names, /first\.example/)
  await server.stop()
})

test('redirects to https and HSTS begin and end at HUP', async t => {
  const file = (more: string) => `app = "app"\nworkers = 1\n${more}`
  const project = new Project(t, { 'jumak.toml': file('') })
  copyFileSync(join(APPS, 'plain.py'), project.path('app.py'))
  const binds = ['-b', 'https://127.0.0.1:0', '-b', 'http://127.0.0.1:0']
  const args = [...binds, '--tls-cert', first.certificate, '--tls-key', first.key]
  const server = await startServer({ directory: project.directory, args })
  const port = (scheme: string) =>
    Number(new RegExp(` ${scheme}://127\\.0\\.0\\.1:(\\d+)`).exec(server.log.join('\n'))![1])
  const said = async () => {
    const { status, header } = await getOnce(port('http'), '/hello', 'Host: localhost')
    const safe = await getOnce(authority.target(port('https')), '/hello')
    return [status, header('location'), safe.header('strict-transport-security')]
  }
  assert.deepEqual(await said(), [200, undefined, undefined])
  project.save('jumak.toml', file('redirect-to-https = true\nhsts = "5m"\n'))
  await command(server, 'reload')
  await server.waitForLog(/reload: new values of redirect-to-https, hsts$/)
  assert.deepEqual(await said(), [308, `https://localhost:${port('https')}/hello`, 'max-age=300'])
  project.save('jumak.toml', file('hsts = 0\n'))
  await command(server, 'reload')
  assert.deepEqual(await said(), [200, undefined, 'max-age=0'])
  await server.stop()
})

test('--check tells of files that a start would refuse, and of what is doubtful', async t => {
  const project = new Project(t, { 'app.py': 'def application(environ, start_response): pass\n' })
  const check = (...args: string[]) => runJumak(['--check', '--no-app', ...args, 'app'], project.directory)
  const missing = await check('--tls-cert', '/no/such.pem', '--tls-key', first.key)
  assert.deepEqual([missing.code, missing.stderr], [2, 'jumak: tls-cert /no/such.pem: there is no such file\n'])
  const other = await check('--tls-cert', first.certificate, '--tls-key', second.key)
  assert.equal(other.code, 2)
  assert.match(other.stderr, /^jumak: tls-key .*: it is the key of another certificate than that of localhost\n$/)
  const whole = authority.issue({ names: ['localhost'], hasRoot: true })
  const right = await check('--tls-cert', whole.certificate, '--tls-key', whole.key)
  assert.deepEqual([right.code, right.stderr], [0, ''])
  const below = authority.issueAuthority('Below').issue({ names: ['localhost'] })
  project.save(
    'alone.pem',
    readFileSync(below.certificate, 'utf8').replace(/(-----END CERTIFICATE-----\n)[\s\S]*/, '$1'),
  )
  const alone = await check('--tls-cert', 'alone.pem', '--tls-key', below.key)
  assert.equal(alone.code, 0)
  assert.match(
    alone.stderr,
    /^jumak: warning: tls-cert .*alone\.pem: the certificate of CN=Below, .* is not in it\. .*append/,
  )
  const old = authority.issue({ subject: '/CN=localhost', hasRoot: true })
  const nameless = await check('--tls-cert', old.certificate, '--tls-key', old.key)
  assert.equal(nameless.code, 0)
  assert.match(nameless.stderr, /^jumak: warning: tls-cert .*: it is for no host: its subjectAltName is empty, .*\n$/)
  const table = (more: string) =>
    `[[app]]\nname = "shop"\napp = "app"\nhosts = ["first.example"]\n[[tls]]\ncert = "${first.certificate}"\nkey = "${first.key}"\n${more}`
  project.save('jumak.toml', table(''))
  project.save(
    'jumak.toml',
    table('')
      .replace(first.certificate, whole.certificate)
      .replace(first.key, whole.key)
      .replace('first.example', 'other.example'),
  )
  const unserved = await runJumak(['--check', '--no-app'], project.directory)
  assert.match(unserved.stderr, /^jumak: warning: .*\[\[tls\]\]: no application has the host localhost\n$/)
})
