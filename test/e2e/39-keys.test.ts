/**
 * Who can read the keys of TLS: not an application with a user of its own, even where the gateway runs as the same user. Without root it
 * can, and the start says so.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { localAuthority, localCertificate } from '../support/certificates.ts'
import { whyNoUsers } from '../support/open-world.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

const PYTHON = '/usr/bin/python3'
const USER = 'nobody'
const skip = whyNoUsers(USER) || (!existsSync(PYTHON) && `needs ${PYTHON}`)
const SHARED = /info +master +applications run as the user that holds the keys of TLS, and can read them/

function makeProject(t: TestContext): Project {
  const project = new Project(t, {})
  chmodSync(project.directory, 0o755)
  copyFileSync(join(APPS, 'hostile.py'), project.path('app.py'))
  mkdirSync(project.path('tmp'))
  chmodSync(project.path('tmp'), 0o1777)
  return project
}

/** What became of each attempt of the application: `done`, a value, or the name of the error. */
async function attempt(server: Server, attempts: readonly (readonly (string | number)[])[]): Promise<unknown[]> {
  const body = Buffer.from(JSON.stringify(attempts))
  const client = new RawClient(localAuthority().target(server.port))
  client.send(`POST /try HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`)
  const response = await client.send(body).response()
  client.close()
  assert.equal(response.status, 200, server.log.join('\n'))
  return JSON.parse(response.body.toString())
}

test('--user alone: the application reaches neither the key nor the memory of the gateway, which has its user', {
  skip,
}, async t => {
  const project = makeProject(t)
  const tls = localCertificate()
  const args = ['-w', '2', '--user', USER, '--temp-dir', project.path('tmp'), '--retry', 'off']
  const server = await startServer({ app: 'app', directory: project.directory, python: PYTHON, args, tls })
  const gateway = server.gateway().pid
  const [uid, [own]] = [Number(execFileSync('id', ['-u', USER])), await attempt(server, [['pid']])]
  assert.match(readFileSync(`/proc/${gateway}/status`, 'latin1'), new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s`, 'm'))
  const other = server.workers().find(({ pid }) => pid !== own)!.pid
  // It could, if the gateway were any other process of its user.
  const [environment] = await attempt(server, [['read', `/proc/${other}/environ`]])
  assert.match(String(environment), /PATH=/)
  const outcomes = await attempt(server, [
    ['read', tls.key],
    ['trace', gateway],
    ['read', `/proc/${gateway}/mem`],
    ['read', `/proc/${gateway}/maps`],
    ['read', `/proc/${gateway}/environ`],
    ['list', `/proc/${gateway}/fd`],
    ['steal', gateway, 0],
    ['trace', server.pid],
    ['read', `/proc/${server.pid}/mem`],
  ])
  for (const [index, outcome] of outcomes.entries())
    assert.match(String(outcome), /^(EACCES|EPERM)$/, `attempt ${index}`)
  assertNoKey(server, readFileSync(tls.key, 'latin1'))
  assert.doesNotMatch(server.log.join('\n'), SHARED)
  await server.stop()
})

/** Nothing that any process shows of itself has a key: arguments, environment, log. */
function assertNoKey(server: Server, key: string): void {
  const secret = key.split('\n')[1]!
  assert.ok(secret.length > 30)
  for (const { pid } of server.processes())
    for (const name of ['cmdline', 'environ'])
      assert.ok(!readFileSync(`/proc/${pid}/${name}`, 'latin1').includes(secret), `${pid} ${name}`)
  assert.ok(!server.log.join('\n').includes(secret))
}

test('one user for all: the start says once that applications can read the keys, or that they are root', async t => {
  const project = makeProject(t)
  const server = await startServer({
    app: 'app',
    directory: project.directory,
    args: ['-w', '1'],
    tls: localCertificate(),
  })
  const told = server.log.filter(line => SHARED.test(line) || /runs as root/.test(line))
  assert.equal(told.length, 1, told.join('\n'))
  assertNoKey(server, readFileSync(localCertificate().key, 'latin1'))
  await server.stop()
})
