/**
 * `examples/docker-compose`: nginx, gunicorn, Django and PostgreSQL in containers, and Jumak in the place of the first two. There is no
 * container engine: the Dockerfiles are followed in a directory, and the commands, variables and files of the compose files are used here,
 * with other ports and paths. Both answer the same requests, and the second finds what the first has stored.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { getStaticTOMLValue, parseTOML as readTOML } from 'toml-eslint-parser'
import { parse } from 'yaml'
import { codeBlocks } from '../support/documents.ts'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { freePort } from '../support/free-port.ts'
import { Image } from '../support/image.ts'
import { EXAMPLES, ROOT } from '../support/paths.ts'
import { startPostgres, whyNoPostgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { startServer, until } from '../support/server.ts'

const EXAMPLE = join(EXAMPLES, 'docker-compose')
const hasNginx = spawnSync('nginx', ['-v']).status === 0
const skip = (await whyNoPython()) || whyNoPostgres() || (!hasNginx && 'nginx is not installed')

interface Service {
  readonly image?: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly stop_grace_period?: string
}

interface Compose {
  readonly name: string
  readonly services: Readonly<Record<string, Service>>
}

const PASSWORDS: Readonly<Record<string, string>> = { DJANGO_SECRET_KEY: 'not a secret', POSTGRES_PASSWORD: 'hush' }

function readCompose(which: string): Compose {
  const text = readFileSync(join(EXAMPLE, which, 'compose.yaml'), 'utf8')
  return parse(text.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) => PASSWORDS[name]!))
}

function parseTOML(text: string): Record<string, unknown> {
  return getStaticTOMLValue(readTOML(text)) as Record<string, unknown>
}

function dockerfileOf(which: string): string[] {
  return readFileSync(join(EXAMPLE, which, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter(Boolean)
}

/** The project as `docker build` gets it. */
function makeContext(home: string): string {
  const context = join(home, 'context')
  cpSync(EXAMPLE, context, {
    recursive: true,
    filter: path => !/\/(?:__pycache__|static|media)$/.test(path) || path.includes('notices'),
  })
  return context
}

/** Of the service `web`: its image, made here. */
async function build(which: string, home: string, python: string): Promise<Image> {
  const { build } = readCompose(which).services['web']!
  assert.deepEqual(build, { context: '..', dockerfile: `${which}/Dockerfile` })
  const image = new Image(join(home, which), makeContext(home), dirname(python))
  // `npm install` in an image of Node is tested with docs/how-to/docker.md, which has the same lines.
  const lines = dockerfileOf(which)
  const python3 = lines.findIndex(line => line.startsWith('FROM python:'))
  const jumak = join(home, which, 'jumak')
  mkdirSync(join(jumak, 'opt/jumak/bin'), { recursive: true })
  symlinkSync(join(ROOT, 'bin/jumak'), join(jumak, 'opt/jumak/bin/jumak'))
  image.have('jumak', jumak)
  for (const line of lines.slice(python3)) await image.follow(line)
  return image
}

/** What compose would set for `web`, and where the database really is. */
function variables(which: string, databasePort: number): Record<string, string> {
  const { environment } = readCompose(which).services['web']!
  // The address of a test is 127.0.0.1.
  const hosts = `${environment!['DJANGO_ALLOWED_HOSTS']},127.0.0.1`
  return {
    ...environment,
    DJANGO_ALLOWED_HOSTS: hosts,
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_PORT: String(databasePort),
  }
}

/** The image of nginx includes the file of the example in a configuration like this. */
function nginxConfiguration(
  root: string,
  home: string,
  ports: { readonly nginx: number; readonly web: number },
): string {
  const site = readFileSync(join(EXAMPLE, 'before/nginx.conf'), 'utf8')
    .replace('server web:8000;', `server 127.0.0.1:${ports.web};`)
    .replace('listen 80;', `listen 127.0.0.1:${ports.nginx};`)
    .replaceAll('/app/', `${root}/`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(one => `${one}_temp_path ${home}/${one};`)
  return `events {}\npid ${home}/nginx.pid;\nerror_log stderr;\nhttp { include /etc/nginx/mime.types; access_log off; ${temporary.join(' ')}\n${site}}\n`
}

interface Seen {
  readonly what: string
  readonly status: number
  readonly type: string | null
  readonly content: string
}

const PICTURE = '<svg xmlns="http://www.w3.org/2000/svg"/>'

/** A visitor: reads, pins up a notice with a picture, looks at it. Pages of errors are each server's own. */
async function visit(port: number, notice: string): Promise<{ seen: Seen[]; board: string }> {
  const url = `http://127.0.0.1:${port}`
  const seen: Seen[] = []
  const ask = async (what: string, path: string, options: RequestInit = {}) => {
    const response = await fetch(url + path, { redirect: 'manual', ...options })
    const text = await response.text()
    const type = response.headers.get('content-type')?.replace(/;.*/, '') ?? null
    const isOwn = response.status >= 400
    const content = text.length > 100 ? createHash('sha256').update(text).digest('hex') : text
    seen.push({ what, status: response.status, type: isOwn ? null : type, content: isOwn ? '' : content })
    return response
  }
  const csrf = async () => {
    const response = await fetch(url)
    const cookie = response.headers.getSetCookie()[0]!.split(';')[0]!
    const token = /name="csrfmiddlewaretoken" value="(\w+)"/.exec(await response.text())![1]!
    return { cookie, token }
  }
  const { cookie, token } = await csrf()
  const form = (picture: Blob) => {
    const data = new FormData()
    data.set('csrfmiddlewaretoken', token)
    data.set('text', notice)
    data.set('picture', picture, `${notice}.svg`)
    return { method: 'POST', body: data, headers: { cookie, referer: url } }
  }
  await ask('a notice', '/', form(new Blob([PICTURE], { type: 'image/svg+xml' })))
  await ask('its picture', `/media/pictures/${notice}.svg`)
  await ask('a style sheet', '/static/notices/board.css')
  const css = await ask('one of the admin', '/static/admin/css/base.css')
  await ask('the same, which is known', '/static/admin/css/base.css', {
    headers: { 'if-modified-since': css.headers.get('last-modified')! },
  })
  await ask('a part of it', '/static/admin/css/base.css', { headers: { range: 'bytes=10-19' } })
  await ask('no such file', '/static/nothing.css')
  await ask('nothing above the files', '/static/%2e%2e/manage.py')
  await ask('no such page', '/nothing')
  await ask('HEAD', '/static/notices/board.css', { method: 'HEAD' })
  await ask('the client', '/client/')
  await ask('a form without its token', '/', { method: 'POST', body: new URLSearchParams({ text: 'a' }) })
  await ask('the admin', '/admin/')
  // Only the head: who answers at once may close while a client still sends.
  const tooMuch = new RawClient(port).send(
    `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${21 * 1024 * 1024}\r\n\r\n`,
  )
  seen.push({ what: 'too much', status: (await tooMuch.response()).status, type: null, content: '' })
  tooMuch.socket.destroy()
  const stranger = new RawClient(port).get('/', 'Host: evil.example', 'Connection: close')
  seen.push({ what: 'another host', status: (await stranger.response()).status, type: null, content: '' })
  const board = await (await fetch(url)).text()
  // Of a port that is not 80 the variable $host of nginx tells nothing.
  return { seen: seen.map(one => ({ ...one, content: one.content.replaceAll(`:${port}`, '') })), board }
}

async function startBefore(t: TestContext, image: Image, home: string, env: Record<string, string>): Promise<number> {
  const ports = { nginx: await freePort(), web: await freePort() }
  const words = image.command.map(word => (word === '0.0.0.0:8000' ? `127.0.0.1:${ports.web}` : word))
  assert.deepEqual(words.slice(0, 2), ['./entrypoint.sh', 'gunicorn'])
  const file = join(home, 'nginx.conf')
  writeFileSync(file, nginxConfiguration(image.directory, home, ports))
  const options = { cwd: image.directory, env: { ...process.env, ...image.environment, ...env } }
  const children = [
    spawn(words[0]!, words.slice(1), { ...options, stdio: 'ignore' }),
    spawn('nginx', ['-c', file, '-g', 'daemon off;'], { stdio: 'ignore' }),
  ]
  t.after(() => Promise.all(children.map(end)))
  const isReady = async () => {
    const answered = await fetch(`http://127.0.0.1:${ports.nginx}/client/`).catch(() => null)
    return answered?.status === 200
  }
  await until(isReady, () => 'nginx and gunicorn do not serve')
  return ports.nginx
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

test('Jumak answers as nginx and gunicorn did, finds what they have stored, and drains', { skip }, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'compose' })
  const home = temporaryDirectory(t)
  // nginx gives up the rights of root, and must still reach the files.
  chmodSync(home, 0o755)
  const databasePort = await startPostgres(t, 'board', PASSWORDS['POSTGRES_PASSWORD']!)
  const before = await build('before', home, python)
  mkdirSync(join(before.directory, 'media'))
  const nginx = await startBefore(t, before, home, variables('before', databasePort))
  const first = await visit(nginx, 'one')

  const after = await build('after', home, python)
  assert.deepEqual(after.command, ['./entrypoint.sh', 'jumak'])
  assert.equal(after.user, 'nobody')
  // The volume.
  cpSync(join(before.directory, 'media'), join(after.directory, 'media'), { recursive: true })
  const env = { ...after.environment, ...variables('after', databasePort) }
  const [program, ...args] = after.command
  const server = await startServer({ program: join(after.directory, program!), args, directory: after.directory, env })
  const second = await visit(server.port, 'two')
  assert.deepEqual(second.seen, first.seen)
  assert.deepEqual(
    first.seen.map(({ status }) => status),
    [302, 200, 200, 200, 304, 206, 404, 404, 404, 200, 200, 403, 302, 413, 400],
  )
  assert.equal(first.board.match(/<article>/g)?.length, 1)
  assert.equal(second.board.match(/<article>/g)?.length, 2)
  assert.match(second.board, /one\.svg/)
  assert.equal(await (await fetch(`${server.url}/media/pictures/one.svg`)).text(), PICTURE)

  const probe = () => {
    const [command, ...words] = after.healthCheck
    const options = {
      cwd: after.directory,
      env: { ...process.env, ...env, JUMAK_ADMIN_SOCKET: join(server.temporaryDirectory, 'admin.sock') },
    }
    return promisify(execFile)(command!, words, options).then(
      () => 0,
      error => error.code,
    )
  }
  assert.equal(await probe(), 0)

  // What is being sent when the container is told to stop arrives whole.
  const size = 64 * 1024 * 1024
  writeFileSync(join(after.directory, 'media/large'), Buffer.alloc(size))
  const large = await fetch(`${server.url}/media/large`)
  const reader = large.body!.getReader()
  let read = (await reader.read()).value!.length
  server.signal('SIGTERM')
  await server.waitForLog(/stopping gracefully/)
  assert.equal(await probe(), 1)
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) read += value!.length
  assert.equal(read, size)
  await server.ended(0)
})

test('jumak adapt makes the first lines of after/jumak.toml of before/Dockerfile', async () => {
  const { code, stdout, stderr } = await runJumak(['adapt', 'before/Dockerfile'], EXAMPLE)
  assert.equal(code, 0, stderr)
  assert.match(stderr, /^jumak: \.\/entrypoint\.sh is not read; it stays in front/m)
  const adapted = parseTOML(stdout)
  const written = parseTOML(readFileSync(join(EXAMPLE, 'after/jumak.toml'), 'utf8'))
  for (const name of ['app', 'workers']) assert.equal(written[name], adapted[name])
  assert.equal(`0.0.0.0${written['bind']}`, adapted['bind'])
})

test('the files say what the page says, and what compose needs', () => {
  const page = readFileSync(join(ROOT, 'docs/how-to/docker.md'), 'utf8')
  const shown = codeBlocks(page).filter(({ attributes }) => attributes.has('example'))
  assert.deepEqual(
    shown.map(({ attributes }) => attributes.get('example')),
    [
      'before/compose.yaml',
      'before/nginx.conf',
      'before/Dockerfile',
      'after/jumak.toml',
      'after/Dockerfile',
      'after/compose.yaml',
    ],
  )
  for (const { attributes, text } of shown)
    assert.equal(text, readFileSync(join(EXAMPLE, attributes.get('example')!), 'utf8'))
  // The package of Jumak gets into this image as into that at the beginning of the page.
  const stage = (lines: readonly string[]) => lines.slice(0, lines.findIndex(line => line.startsWith('ENV PATH=')) + 1)
  const [first] = codeBlocks(page).filter(({ attributes }) => attributes.get('file') === 'Dockerfile')
  assert.deepEqual(stage(dockerfileOf('after')), stage(first!.text.split('\n').filter(Boolean)))

  const [before, after] = [readCompose('before'), readCompose('after')]
  assert.equal(after.name, before.name, 'the volumes are the same')
  assert.deepEqual(Object.keys(before.services), ['nginx', 'web', 'db'])
  assert.deepEqual(Object.keys(after.services), ['web', 'db'])
  assert.deepEqual(after.services['db'], before.services['db'])
  assert.deepEqual(after.services['web']!.environment, before.services['web']!.environment)
  assert.ok(after.services['web']!.volumes!.every(volume => before.services['web']!.volumes!.includes(volume)))
  // Jumak stops waiting before Docker does.
  const seconds = (text: string) => Number(/(\d+)s/.exec(text)![1])
  const toml = readFileSync(join(EXAMPLE, 'after/jumak.toml'), 'utf8')
  assert.ok(seconds(/^graceful-timeout = (.*)$/m.exec(toml)![1]!) < seconds(after.services['web']!.stop_grace_period!))
})
