/** Metrics and logs that go to other programs. What a message says: `src/observe/remote/remote.test.ts`. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { openUnixReceiver } from '../../src/observe/remote/testing/unix-receiver.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { startServer, until } from '../support/server.ts'

const APP = `
import sys
def application(environ, start_response):
    if environ["PATH_INFO"] == "/broken":
        raise ValueError("no such price")
    print("in the application", file=sys.stderr)
    start_response("200 OK", [])
    return [b"hello"]
`

interface Receiver {
  readonly port: number
  /** Each datagram. */
  readonly got: string[]
}

async function receiver(t: TestContext): Promise<Receiver> {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const got: string[] = []
  socket.on('message', message => got.push(message.toString()))
  return { port: socket.address().port, got }
}

for (const threads of [1, 2])
  test(`StatsD and syslog hear of requests, workers and lines: ${threads} threads`, async t => {
    const [statsd, syslog] = [await receiver(t), await receiver(t)]
    const server = await startServer({
      app: 'shop',
      directory: new Project(t, { 'shop.py': APP }).directory,
      args: [
        ...['--workers', '2', '--gateway-threads', String(threads)],
        ...['--statsd-host', `127.0.0.1:${statsd.port}`, '--statsd-backlog'],
        ...['--syslog', `udp://127.0.0.1:${syslog.port}`, '--syslog-facility', 'local3', '--syslog-requests'],
        ...['--access-log-format', '%(m)s %(U)s %(s)s'],
      ],
    })
    server.expectLog(/application error in GET \/broken|ValueError: no such price/)
    assert.equal((await getOnce(server.target, '/some')).status, 200)
    assert.equal((await getOnce(server.target, '/broken')).status, 500)
    const metrics = () => statsd.got.join('\n').split('\n')
    const told = () => `${metrics().join('\n')}\n${syslog.got.join('\n')}`
    for (const wanted of [
      'jumak.requests:1|c|@1.0',
      'jumak.request.status.200:1|c|@1.0',
      'jumak.request.status.500:1|c|@1.0',
      'jumak.log.exception:1|c|@1.0',
      'jumak.workers:2|g',
      'jumak.backlog:0|h',
    ])
      await until(() => metrics().includes(wanted), told)
    assert.equal(metrics().filter(line => /^jumak\.request\.duration:[\d.]+\|ms$/.test(line)).length, 2)
    for (const wanted of [
      /^<158>jumak\.access: \[\d+\] GET \/some 200\0$/,
      /^<158>jumak\.access: \[\d+\] GET \/broken 500\0$/,
      /^<158>jumak\.error: \[\d+\] ready\0$/,
      /^<158>jumak\.error: \[\d+\] worker \d \[[^\]]+\]: in the application\0$/,
      /^<155>jumak\.error: \[\d+\] worker \d \[[^\]]+\]: application error in [\s\S]*ValueError: no such price\0$/,
    ])
      await until(() => syslog.got.some(line => wanted.test(line)), told)
    await server.stop()
  })

test('gunicorn’s options: /dev/log, and metrics behind a prefix of its own', async t => {
  const statsd = await receiver(t)
  const project = new Project(t, { 'shop.py': APP })
  const log = await openUnixReceiver(project.path('log'), 'dgram')
  t.after(() => log.close())
  const server = await startServer({
    directory: project.directory,
    app: 'shop:application',
    args: [
      'gunicorn',
      ...['--log-syslog', '--log-syslog-to', `unix://${project.path('log')}#dgram`, '--log-syslog-facility', 'daemon'],
      ...['--statsd-host', `127.0.0.1:${statsd.port}`, '--statsd-prefix', 'eu.', '--dogstatsd-tags', 'env:prod'],
    ],
  })
  assert.equal((await getOnce(server.target, '/some?x')).status, 200)
  const line =
    /<30>gunicorn\.shop\.application\.access: \[\d+\] 127\.0\.0\.1 - - \[[^\]]+\] "GET \/some\?x HTTP\/1\.1" 200 5 "-" "-"\0/
  assert.match(await log.until(line), /<30>gunicorn\.shop\.application\.error: \[\d+\] ready\0/)
  await until(
    () => statsd.got.join('\n').includes('eu.gunicorn.requests:1|c|@1.0|#env:prod'),
    () => statsd.got.join('\n'),
  )
  await server.stop()
})

test('a server that is not there stops nothing, and is told once', async t => {
  const project = new Project(t, { 'shop.py': APP })
  const server = await startServer({
    directory: project.directory,
    app: 'shop',
    args: ['--syslog', `unix://${project.path('nowhere')}`, '--statsd-host', 'unix://nowhere'],
  })
  server.expectLog(/syslog: cannot send to .*\/nowhere: No such file or directory; what cannot be sent is lost/)
  server.expectLog(/statsd-host: cannot send to .*\/nowhere: No such file or directory; what cannot be sent is lost/)
  assert.equal((await getOnce(server.target, '/')).status, 200)
  await server.waitForLog(/syslog: cannot send/)
  await server.waitForLog(/statsd-host: cannot send/)
  await server.stop()
})
