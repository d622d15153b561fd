/** Session tickets: of use in each thread, after a reload, after the gateway's death and in the next program, but not under other rules. */
import assert from 'node:assert/strict'
import { isBuiltin } from 'node:module'
import { after, type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Authority, type Certificate } from '../support/certificates.ts'
import { threadFaults } from '../support/faults.ts'
import { ProgramCopy } from '../support/program-copy.ts'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { openssl, requestFor } from '../support/s-client.ts'
import { type Server, startServer } from '../support/server.ts'

const APP = `
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
`
const authority = new Authority()
const local = authority.issue({ names: ['localhost'] })
const twin = authority.issue({ names: ['twin.example'] })
const members = authority.issue({ names: ['members.example'] })
const strict = authority.issue({ names: ['strict.example'] })
const VERSIONS = ['1_2', '1_3'] as const

/** Root may start it wherever the checkout lies. */
const copy = new ProgramCopy()
after(() => copy.remove())

const table = ({ certificate, key }: Certificate, rules = '') =>
  `[[tls]]\ncert = "${certificate}"\nkey = "${key}"\n${rules}\n`

class Sessions {
  readonly #server: Server
  readonly #project: Project

  constructor(server: Server, project: Project) {
    this.#server = server
    this.#project = project
  }

  /** A full handshake, which leaves a session in a file. */
  async make(version: string, name: string): Promise<void> {
    const agreed = await this.#ask(version, name, '-sess_out', this.#project.path(`${version}-${name}`))
    assert.equal(agreed.isResumed, false)
  }

  /** `of`: the name that the session was made for. */
  async resumes(version: string, of: string, name = of): Promise<boolean> {
    return (await this.#ask(version, name, '-sess_in', this.#project.path(`${version}-${of}`))).isResumed
  }

  async #ask(version: string, name: string, ...args: string[]) {
    const agreed = await openssl(
      this.#server.port,
      [`-tls${version}`, '-servername', name, ...args],
      requestFor('/', name),
    )
    assert.equal(agreed.status, 200, agreed.text)
    return agreed
  }
}

async function start(t: TestContext, env: Readonly<Record<string, string>> = {}, ...args: string[]) {
  const optional = `client-certs = "optional"\nclient-ca = "${authority.file}"\n`
  const tables = [table(twin), table(members, optional), table(strict, 'min-version = "1.3"\n')]
  const project = new Project(t, { 'app.py': APP, 'jumak.toml': tables.join('\n') })
  const { directory } = project
  const server = await startServer({ app: 'app', directory, program: copy.program, tls: local, env, args })
  // Nobody but this test knows the root.
  server.mayLog(/which has issued \S+, is not in it/)
  return { server, project }
}

test('a session resumes after a reload, a dead gateway and an upgrade, for other names under the same rules, and under no others', async t => {
  const { server, project } = await start(t)
  const sessions = new Sessions(server, project)
  const names = ['localhost', 'members.example']
  for (const version of VERSIONS) for (const name of names) await sessions.make(version, name)
  await sessions.make('1_3', 'strict.example')

  const allResume = async (when: string) => {
    for (const version of VERSIONS)
      for (const name of names) assert.equal(await sessions.resumes(version, name), true, `${version} ${name} ${when}`)
  }
  await allResume('at once')
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  await allResume('after a reload')
  server.expectLog(/the gateway was killed by SIGKILL/)
  process.kill(server.gateway().pid, 'SIGKILL')
  await allResume("after the gateway's death")
  const from = server.log.length
  server.signal('SIGUSR2')
  await server.upgraded(from)
  await allResume('after an upgrade')

  for (const version of VERSIONS) {
    assert.equal(await sessions.resumes(version, 'localhost', 'members.example'), false)
    assert.equal(await sessions.resumes(version, 'members.example', 'localhost'), false)
  }
  assert.equal(await sessions.resumes('1_3', 'strict.example', 'localhost'), false)
  assert.equal(await sessions.resumes('1_3', 'localhost', 'strict.example'), false)
  await server.stop()
})

test('each thread of the gateway takes the tickets of the others', {
  skip: !isBuiltin('node:ffi') && 'needs Node 26, with its module node:ffi',
}, async t => {
  const faults = threadFaults(t)
  const { server } = await start(t, faults.env, '--gateway-threads', '2')
  const open: RawClient[] = []
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { to, tls } = authority.target(server.port)
    const connect = async (session?: Buffer) => {
      const client = new RawClient({ to, tls: { ...tls, maxVersion, ...(session && { session }) } })
      open.push(client)
      const socket = client.socket as TLSSocket
      const made = new Promise<Buffer>(resolve => socket.once('session', resolve))
      assert.equal((await client.get('/').response()).status, 200)
      return { client, made, isResumed: socket.isSessionReused() }
    }
    const first = await connect()
    assert.equal(first.isResumed, false)
    const session = await first.made
    const others = []
    for (let i = 0; i < 4; i++) others.push(await connect(session))
    assert.deepEqual(
      others.map(({ isResumed }) => isResumed),
      [true, true, true, true],
    )
    assert.equal(new Set(others.map(({ client }) => faults.threadOf(client))).size, 2)
  }
  for (const client of open) client.close()
  await server.stop()
})
