/**
 * What the real gunicorn and `jumak gunicorn` tell other programs: metrics to StatsD, the access log to syslog. Compared: what requests
 * make, and the number of workers. Not compared: lines about the server itself, which have words of their own.
 */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openUnixReceiver } from '../../src/observe/remote/testing/unix-receiver.ts'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { temporaryDirectory } from '../support/project.ts'
import { until } from '../support/server.ts'
import { type Ask, ask, jumak, start } from './pair.ts'

const noPython = await whyNoPython()

const PROGRAMS = ['gunicorn', 'jumak'] as const
const ASKS: readonly Ask[] = [{}, { path: '/a?b=1', headers: { 'User-Agent': 'me "x"' } }, { path: '/empty' }]

interface Receiver {
  /** As the options name it. */
  readonly address: string
  readonly got: () => string
}

async function udp(t: TestContext): Promise<Receiver> {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  let got = ''
  socket.on('message', message => {
    got += `${message}\n`
  })
  return { address: `127.0.0.1:${socket.address().port}`, got: () => got }
}

async function unix(t: TestContext, directory: string): Promise<Receiver> {
  const path = join(directory, 'log')
  const receiver = await openUnixReceiver(path, 'dgram')
  t.after(() => receiver.close())
  return { address: path, got: () => receiver.got }
}

/** `lines`: what counts of all that came; it is complete with so many. */
async function compare(
  t: TestContext,
  words: (address: string) => readonly string[],
  open: (t: TestContext, directory: string) => Promise<Receiver>,
  count: number,
  lines: (got: string) => readonly string[],
): Promise<void> {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'gunicorn' })
  const seen: (readonly string[])[] = []
  for (const program of PROGRAMS) {
    const directory = temporaryDirectory(t)
    copyFileSync(join(import.meta.dirname, 'environ.py'), join(directory, 'environ.py'))
    const { address, got } = await open(t, directory)
    const given = [...words(address), '-b', '127.0.0.1:0', 'environ']
    const started =
      program === 'jumak'
        ? jumak('gunicorn', given, python)
        : {
            command: python,
            words: ['-m', 'gunicorn', '--no-control-socket', ...given],
            isReady: /Listening at: http:\/\/[^ ]*:(\d+)/,
            env: {},
          }
    const running = await start({ ...started, directory })
    try {
      for (const one of ASKS) await ask({ port: running.port, socket: null }, one)
      await until(() => lines(got()).length >= count, got)
    } finally {
      await running.stop()
    }
    seen.push(lines(got()))
  }
  assert.deepEqual(seen[1], seen[0])
}

/** Without times. The number of workers comes more than once. */
function metrics(got: string): readonly string[] {
  const lines = got.split('\n').map(line => line.replace(/:[\d.]+\|ms/, ':N|ms'))
  const ofRequests = lines.filter(line => /\.requests?[.:]/.test(line))
  return [...ofRequests.toSorted(), ...new Set(lines.filter(line => /\.workers:2/.test(line)))]
}

for (const [name, words] of [
  ['', []],
  ['a prefix', ['--statsd-prefix', 'shop']],
  ['a prefix with dots, and tags', ['--statsd-prefix', 'eu.shop..', '--dogstatsd-tags', 'env:prod,one']],
  ['a prefix of a letter', ['--statsd-prefix', 'x']],
] as const)
  test(`StatsD: ${name}`, { skip: noPython }, t =>
    compare(t, address => ['-w', '2', '--statsd-host', address, ...words], udp, 3 * ASKS.length + 1, metrics),
  )

test('StatsD on a Unix socket', { skip: noPython }, t =>
  compare(
    t,
    address => ['-w', '2', '--statsd-host', `unix://${address}`],
    unix,
    3 * ASKS.length + 1,
    // Datagrams have no ends here.
    got => metrics(got.replaceAll(/(gunicorn\.)/g, '\n$1')),
  ),
)

/** Of the access log, without process ids, times, and sizes that differ with the headers of each. */
function accessLines(got: string): readonly string[] {
  const lines = got.split('\0').map(line => line.trim().replace(/\[\d+\]/, '[PID]'))
  return lines.filter(line => line.includes('.access:')).map(line => line.replace(/ - - \[[^\]]+\]/, ' [TIME]'))
}

for (const [name, words] of [
  ['', []],
  ['a name', ['-n', 'shop:one']],
  ['a prefix and a facility', ['--log-syslog-prefix', 'eu', '--log-syslog-facility', 'LOCAL5']],
  ['a format', ['--access-logformat', '%(m)s %(U)s %(s)s']],
] as const) {
  const more = name === 'a format' ? words : [...words, '--access-logformat', '%(h)s - - %(t)s "%(r)s" %(s)s "%(a)s"']
  test(`syslog by UDP: ${name}`, { skip: noPython }, t =>
    compare(
      t,
      address => ['--log-syslog', '--log-syslog-to', `udp://${address}`, ...more],
      udp,
      ASKS.length,
      accessLines,
    ),
  )
}

test('syslog on a Unix socket', { skip: noPython }, t =>
  compare(
    t,
    address => ['--log-syslog', '--log-syslog-to', `unix://${address}#dgram`, '--access-logformat', '%(r)s %(s)s'],
    unix,
    ASKS.length,
    accessLines,
  ),
)
