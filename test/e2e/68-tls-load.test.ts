/** Certificates, generations and the program itself are changed under load over TLS: no request is lost, and new clients get what is new. */
import assert from 'node:assert/strict'
import { copyFileSync, renameSync } from 'node:fs'
import { after, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Authority, type Certificate } from '../support/certificates.ts'
import { Hammer } from '../support/hammer.ts'
import { ProgramCopy } from '../support/program-copy.ts'
import { Project } from '../support/project.ts'
import { RawClient, withClient } from '../support/raw-client.ts'
import { startServer, until } from '../support/server.ts'

const APP = `
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
`
const CHANGES = 20

/** Root may start it wherever the checkout lies. */
const copy = new ProgramCopy()
after(() => copy.remove())

test(`${CHANGES} certificates, a reload for each, and an upgrade under load: nothing is lost`, async t => {
  const authority = new Authority()
  const issue = () => authority.issue({ names: ['localhost'] })
  const project = new Project(t, { 'app.py': APP })
  const { directory } = project
  /** One after the other: for a moment they do not belong together. */
  const put = ({ certificate, key }: Certificate) => {
    for (const [from, name] of [
      [certificate, 'cert.pem'],
      [key, 'key.pem'],
    ] as const) {
      copyFileSync(from, project.path('new'))
      renameSync(project.path('new'), project.path(name))
    }
  }
  const first = issue()
  put(first)
  const tls = { ...first, certificate: project.path('cert.pem'), key: project.path('key.pem') }
  const server = await startServer({ app: 'app', directory, program: copy.program, tls, args: ['-w', '1'] })
  // Nobody but this test knows the root.
  server.mayLog(/which has issued localhost, is not in it/)
  const target = server.target
  const served = () =>
    withClient(target, async client => {
      assert.equal((await client.get('/').response()).status, 200)
      return (client.socket as TLSSocket).getPeerX509Certificate()!.serialNumber
    })

  // A test that fails does not leave them: the load would go on.
  t.after(() => {
    for (const { pid } of server.processes()) process.kill(pid, 'SIGKILL')
  })
  const hammer = new Hammer(target, 2)
  // From the beginning to the upgrade.
  const kept = new RawClient(target)
  assert.equal((await kept.get('/').response()).status, 200)
  for (let count = 1; count <= CHANGES; count++) {
    const renewed = issue()
    put(renewed)
    server.signal('SIGHUP')
    await server.waitForLog(new RegExp(`generation ${count + 1} serves`))
    assert.equal(await served(), renewed.serial)
    assert.equal((await kept.get('/').response()).status, 200, 'a connection outlives its certificate')
  }
  // Without a reload Jumak looks at the files now and then.
  const last = issue()
  put(last)
  await until(
    async () => (await served()) === last.serial,
    () => `the last certificate is not served:\n${server.log.join('\n')}`,
  )
  assert.equal((kept.socket as TLSSocket).getPeerX509Certificate()!.serialNumber, first.serial)
  kept.close()
  const old = server.pid
  server.signal('SIGUSR2')
  await server.upgraded()
  // While the old program still has the sockets, a stop of the new one may reset clients that wait there.
  await until(
    () => !server.processes().some(({ pid }) => pid === old),
    () => 'the old program lives on',
  )
  assert.equal(await served(), last.serial)
  const { answered } = hammer
  await until(
    () => hammer.answered > answered + 20,
    () => `${hammer.answered} are answered`,
  )
  await server.stop()
  const { lost } = await hammer.over()
  assert.deepEqual(lost, [])
})
