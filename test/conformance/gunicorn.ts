/**
 * gunicorn's own black-box tests (`tests/docker` of its source) against `jumak gunicorn`, without containers. The source comes from the package
 * index, pinned, and is not changed. Its fixtures ask `docker` for containers; a stand-in says yes, and the servers run here with the commands of
 * the compose files, on the ports that the tests name. nginx stands in front where it does there.
 *
 * `-- gunicorn http2` chooses suites. `-- gunicorn --peer` runs gunicorn itself, of the same source.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { parse } from 'yaml'
import { run } from '../../scripts/lib/command.ts'
import { ensureVenv, pythonsAtHand, SetupError } from '../../scripts/lib/python.ts'
import { ROOT } from '../support/paths.ts'
import { until } from '../support/server.ts'

const VERSION = '26.1.0'
const DIRECTORY = join(ROOT, '.cache/gunicorn-suite')
const SOURCE = join(DIRECTORY, `gunicorn-${VERSION}`)
const TESTS = join(SOURCE, 'tests/docker')
const REQUIREMENTS = join(import.meta.dirname, 'gunicorn.txt')
/** A case that takes longer has failed. */
const PATIENCE_SECONDS = 60
/** The source needs it. */
const OLDEST_PYTHON = 10

interface Served {
  /** Its name in the compose file, which has the port where the tests look for it. */
  readonly service: string
  /** Its port in the container. */
  readonly inside: number
  /** Below the suite. */
  readonly directory?: string
  readonly words: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

interface Suite {
  readonly name: string
  /** Fewer means that something is wrong with the run. */
  readonly cases: number
  readonly servers: readonly Served[]
  /** The service of nginx in front of these, and a port of it. */
  readonly nginx: { readonly service: string; readonly inside: number } | null
  readonly options?: readonly string[]
  /** Cases that fail for a reason. */
  readonly excepted: Readonly<Record<string, string>>
}

const CERTIFICATE = ['--certfile', 'certs/server.crt', '--keyfile', 'certs/server.key']
const CONNECTIONS = ['--worker-connections', '100']
const COMPLIANCE = [
  ...['apps.main_app:app', '--worker-class', 'asgi', '--workers', '2', '--worker-connections', '1000'],
  ...['--asgi-disconnect-grace-period', '0'],
]
const THREADS = [
  'app:app',
  '--worker-class',
  'gthread',
  '--threads',
  '4',
  '--workers',
  '2',
  '--http-protocols',
  'h2,h1',
]

const PER_WORKER =
  'it counts in the memory of a worker, over one connection; here the requests of a connection go to the workers that are free'

const SUITES: readonly Suite[] = [
  {
    name: 'asgi_compliance',
    cases: 268,
    servers: [
      { service: 'gunicorn-asgi', inside: 8000, words: COMPLIANCE },
      { service: 'gunicorn-asgi-ssl', inside: 8443, words: [...COMPLIANCE, ...CERTIFICATE] },
    ],
    nginx: { service: 'nginx-proxy', inside: 8080 },
    excepted: {
      'TestStateSharing.test_request_count_increments': PER_WORKER,
      'TestCounter.test_counter_increments_multiple_times': PER_WORKER,
    },
  },
  {
    name: 'asgi_framework_compat',
    cases: 444,
    servers: ['django', 'fastapi', 'starlette', 'quart', 'litestar', 'blacksheep'].map(framework => ({
      service: framework,
      inside: 8000,
      directory: `frameworks/${framework}_app`,
      words: [framework === 'django' ? 'asgi:application' : 'app:app', '-k', 'asgi', '--workers', '1', ...CONNECTIONS],
      env: { DJANGO_SETTINGS_MODULE: 'settings', PYTHONPATH: '..' },
    })),
    nginx: null,
    options: ['--skip-docker-check'],
    excepted: {},
  },
  {
    name: 'http2',
    cases: 35,
    servers: [
      {
        service: 'gunicorn-h2',
        inside: 8443,
        words: [...THREADS, ...CERTIFICATE],
      },
    ],
    nginx: { service: 'nginx-h2', inside: 8444 },
    excepted: {
      'TestHTTP2EarlyHints.test_early_hints_via_proxy': 'nginx passes 103 on from 1.29 on only, and this one is older',
    },
  },
]

async function install(): Promise<string> {
  const python = (await pythonsAtHand('all')).findLast(({ version }) => Number(version.split('.')[1]) >= OLDEST_PYTHON)
  if (python === undefined) throw new SetupError(`gunicorn ${VERSION} needs Python 3.${OLDEST_PYTHON} or newer`)
  const what = 'what gunicorn’s tests need'
  const onStep = (step: string) => console.log(`${step} …`)
  const options = { interpreter: python, directory: join(DIRECTORY, 'venv'), requirements: REQUIREMENTS, what, onStep }
  const interpreter = await ensureVenv(options)
  if (!existsSync(join(SOURCE, 'unpacked'))) {
    const wanted = ['--no-deps', '--no-binary=gunicorn', `--dest=${DIRECTORY}`, `gunicorn==${VERSION}`]
    const got = await run(interpreter, ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', ...wanted])
    if (got.code !== 0) throw new SetupError(`pip could not download gunicorn ${VERSION}:\n${got.output.trim()}`)
    const unpacked = await run('tar', ['-xzf', `${SOURCE}.tar.gz`, '-C', DIRECTORY])
    if (unpacked.code !== 0) throw new SetupError(`tar could not unpack it:\n${unpacked.output.trim()}`)
    writeFileSync(join(SOURCE, 'unpacked'), '')
  }
  const docker = join(DIRECTORY, 'bin/docker')
  mkdirSync(dirname(docker), { recursive: true })
  writeFileSync(docker, '#!/bin/sh\nexit 0\n')
  chmodSync(docker, 0o755)
  return interpreter
}

/** As the fixtures make it, which find it then. */
async function makeCertificate(directory: string): Promise<void> {
  const names = 'subjectAltName=DNS:localhost,DNS:gunicorn-asgi,DNS:gunicorn-asgi-ssl,DNS:gunicorn-h2,IP:127.0.0.1'
  const to = ['-keyout', join(directory, 'server.key'), '-out', join(directory, 'server.crt')]
  const kind = ['-x509', '-newkey', 'rsa:2048', '-days', '1', '-nodes', '-subj', '/CN=localhost', '-addext', names]
  const { code, output } = await run('openssl', ['req', ...kind, ...to])
  if (code !== 0) throw new SetupError(`openssl could not make a certificate:\n${output.trim()}`)
}

/** Serves until it is stopped; what it says is in `NAME.log` below the directory of the suites. */
class Servers {
  readonly #running: ChildProcess[] = []

  constructor() {
    // An interrupted command leaves none.
    process.on('exit', () => {
      for (const child of this.#running) child.kill()
    })
  }

  async start(name: string, port: number, command: string, words: readonly string[], options: object): Promise<void> {
    if (await answers(port)) throw new SetupError(`port ${port}, which the tests name, is in use`)
    const log = join(DIRECTORY, `${name}.log`)
    const child = spawn('sh', ['-c', `exec "$@" >${log} 2>&1`, 'sh', command, ...words], {
      ...options,
      stdio: 'ignore',
    })
    this.#running.push(child)
    await until(
      async () => child.exitCode !== null || (await answers(port)),
      () => `nobody listens on port ${port}:\n${readFileSync(log, 'utf8')}`,
    )
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${readFileSync(log, 'utf8')}`)
  }

  async stop(): Promise<void> {
    for (const child of this.#running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = once(child, 'close')
      child.kill('SIGTERM')
      await ended
    }
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  const isThere = await promise
  socket.destroy()
  return isThere
}

/** The port of this machine that the compose file of a suite gives to a port of a container. */
function portsOf(directory: string): (service: string, inside: number) => number {
  const { services } = parse(readFileSync(join(directory, 'docker-compose.yml'), 'utf8'))
  return (service, inside) => {
    const found = (services[service].ports as readonly string[]).find(one => one.endsWith(`:${inside}`))
    if (found === undefined) throw new Error(`${directory}: ${service} has no port ${inside}`)
    return Number(found.split(':')[0])
  }
}

/** The suite's configuration of nginx, for this machine: names of containers, paths, and what an older nginx says otherwise or not at all. */
function nginxConfiguration(directory: string, servers: readonly Served[]): string {
  const portOf = portsOf(directory)
  let text = readFileSync(join(directory, 'nginx.conf'), 'utf8')
    .replaceAll(/^\s*(?:resolver|http2 on|early_hints)\b.*\n/gm, '')
    .replaceAll(/listen (\d+)( ssl)?;/g, (_, port, ssl = '') => `listen 127.0.0.1:${port}${ssl && ' ssl http2'};`)
    .replaceAll('/certs/', `${join(directory, 'certs')}/`)
    .replaceAll(/\/var\/(?:log\/nginx|run)\//g, `${DIRECTORY}/`)
  for (const { service, inside } of servers)
    text = text.replaceAll(`${service}:${inside}`, `127.0.0.1:${portOf(service, inside)}`)
  return text
}

interface Outcome {
  readonly passed: number
  readonly skipped: number
  /** `Class.case`. */
  readonly failed: readonly string[]
}

async function runSuite(suite: Suite, python: string, isPeer: boolean): Promise<Outcome> {
  const directory = join(TESTS, suite.name)
  if (existsSync(join(directory, 'certs'))) await makeCertificate(join(directory, 'certs'))
  const servers = new Servers()
  try {
    const portOf = portsOf(directory)
    for (const { service, inside, words, env, directory: below = '.' } of suite.servers) {
      const port = portOf(service, inside)
      const cwd = join(directory, below)
      const ours = { JUMAK_PYTHON: python, JUMAK_ADMIN_SOCKET: 'off' }
      const options = { cwd, env: { ...process.env, ...ours, ...env, PWD: cwd, PYTHONDONTWRITEBYTECODE: '1' } }
      const [command, ...first] = isPeer ? [python, '-c', PEER] : [join(ROOT, 'bin/jumak'), 'gunicorn']
      const all = [...first, ...words, '--bind', `127.0.0.1:${port}`, '--log-level', 'debug']
      await servers.start(`${suite.name}-${port}`, port, command!, all, options)
    }
    if (suite.nginx !== null) {
      const file = join(DIRECTORY, `${suite.name}.conf`)
      writeFileSync(file, nginxConfiguration(directory, suite.servers))
      const port = portOf(suite.nginx.service, suite.nginx.inside)
      await servers.start(`${suite.name}-nginx`, port, 'nginx', ['-c', file, '-g', 'daemon off;'], {})
    }
    return await pytest(suite, python)
  } finally {
    await servers.stop()
  }
}

/** gunicorn of the unpacked source: the environment has none. */
const PEER = `import sys; sys.path.insert(0, ${JSON.stringify(SOURCE)}); sys.argv[0] = "gunicorn"; from gunicorn.app.wsgiapp import run; run()`

async function pytest({ name, options = [] }: Suite, python: string): Promise<Outcome> {
  const report = join(DIRECTORY, `${name}.xml`)
  rmSync(report, { force: true })
  const own = [
    '-o',
    'addopts=',
    `--timeout=${PATIENCE_SECONDS}`,
    '-p',
    'no:cacheprovider',
    '--tb=short',
    '-q',
    `--junit-xml=${report}`,
  ]
  const { output } = await run(python, ['-m', 'pytest', ...own, ...options, '.'], {
    cwd: join(TESTS, name),
    env: {
      PATH: `${join(DIRECTORY, 'bin')}${delimiter}${process.env['PATH']}`,
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONWARNINGS: 'ignore',
    },
  })
  if (!existsSync(report)) throw new Error(`pytest has run no case of ${name}:\n${output.slice(-2000)}`)
  writeFileSync(join(DIRECTORY, `${name}.txt`), output)
  return outcomeOf(readFileSync(report, 'utf8'))
}

/** @param report - Of JUnit's kind, as pytest writes it. */
function outcomeOf(report: string): Outcome {
  const failed: string[] = []
  let [passed, skipped] = [0, 0]
  for (const [, attributes, kind] of report.matchAll(/<testcase ([^>]*?)(?:\/>|>\s*<(failure|error|skipped)\b)/g)) {
    const value = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes!)?.[1] ?? ''
    if (kind === undefined) passed++
    else if (kind === 'skipped') skipped++
    else failed.push(`${value('classname').split('.').at(-1)}.${value('name')}`)
  }
  return { passed, skipped, failed }
}

/** @param words - Names of suites, and `--peer`. Returns the exit code. */
export async function gunicorn(words: readonly string[]): Promise<number> {
  const chosen = words.filter(word => word !== '--peer')
  const unknown = chosen.find(word => !SUITES.some(({ name }) => name === word))
  if (unknown !== undefined)
    throw new Error(`${unknown} is no suite; there are ${SUITES.map(({ name }) => name).join(', ')}`)
  const python = await install()
  if ((await run('nginx', ['-v'])).code !== 0) throw new SetupError('nginx is not installed')
  let isRight = true
  for (const suite of SUITES.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
    const { passed, skipped, failed } = await runSuite(suite, python, words.includes('--peer'))
    const all = passed + skipped + failed.length
    console.log(`${suite.name.padEnd(24)} ${passed} of ${all}${skipped > 0 ? `, ${skipped} skipped by the suite` : ''}`)
    for (const name of failed) {
      console.log(`  ${name}${suite.excepted[name] === undefined ? '' : `: excepted, because ${suite.excepted[name]}`}`)
      isRight &&= suite.excepted[name] !== undefined
    }
    isRight &&= all >= suite.cases
  }
  console.log(`What pytest said is in ${DIRECTORY}/SUITE.txt, what the servers said in SUITE-PORT.log.`)
  return isRight ? 0 : 1
}
