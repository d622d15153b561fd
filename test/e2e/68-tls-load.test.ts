/** Certificates, generations and the program itself are changed under load over TLS: no request is lost, and new clients get what is new. */
import assert from 'node:assert/strict'
import { copyFileSync, renameSync } from 'node:fs'
import { after, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Authority, type Certificate } from '../support/certificates.ts'
import { Hammer } from '../support/hammer.ts'
import { hasEnded, signalAll } from '../support/processes.ts'
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
/** Of the changes: after each of these a new generation is waited for. The others come as fast as clients get them. */
const RELOAD_EVERY = 7

/** Root may start it wherever the checkout lies. */
const copy = new ProgramCopy()
after(() => copy.remove())

test(`${CHANGES} certificates, reloads, and an upgrade under load: nothing is lost`, async t => {
  const authority = new Authority()
  const issued = [1, 2, 3].map(() => authority.issue({ names: ['localhost'] }))
  const [first] = issued as [Certificate]
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
  const untilServed = ({ serial }: Certificate) =>
    until(
      async () => (await served()) === serial,
      () => `certificate ${serial} is not served:\n${server.log.join('\n')}`,
    )

  // A test that fails does not leave them: the load would go on.
  t.after(() => signalAll(server.processes(), 'SIGKILL'))
  const hammer = new Hammer(target, 2)
  // From the beginning to the upgrade.
  const kept = new RawClient(target)
  assert.equal((await kept.get('/').response()).status, 200)
  let last = first
  for (let count = 1; count <= CHANGES; count++) {
    last = issued[count % issued.length]!
    put(last)
    const from = server.log.length
    server.signal('SIGHUP')
    await untilServed(last)
    assert.equal((await kept.get('/').response()).status, 200, 'a connection outlives its certificate')
    if (count % RELOAD_EVERY === 0) await server.waitForLog(/generation \d+ serves/, from)
  }
  assert.equal((kept.socket as TLSSocket).getPeerX509Certificate()!.serialNumber, first.serial)
  kept.close()
  const old = server.pid
  server.signal('SIGUSR2')
  await server.upgraded()
  // While the old program still has the sockets, a stop of the new one may reset clients that wait there.
  await until(
    () => hasEnded(old),
    () => 'the old program lives on',
  )
  assert.equal(await served(), last.serial)
  const { answered } = hammer
  await until(
    () => hammer.answered > answered + 20,
    () => `${hammer.answered} are answered`,
  )
  assert.deepEqual((await hammer.leave()).lost, [])
  await server.stop()
})
