/**
 * Django behind a real nginx and a real Apache that send requests by uwsgi, FastCGI and SCGI (`bind = "uwsgi://…"`): what the application sees,
 * uploads, streams, HEAD, a client that leaves, and what a stranger on such a socket gets.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { NGINX } from '../../bench/nginx.ts'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { Project } from '../support/project.ts'
import { RawClient, withClient } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

const APP = `import hashlib
from pathlib import Path
from django.conf import settings
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="-", MIDDLEWARE=[])
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import re_path

NAMES = ("REMOTE_ADDR", "REMOTE_USER", "SERVER_PROTOCOL", "REQUEST_METHOD", "QUERY_STRING", "HTTP_PROXY", "HTTP_X_TWICE", "CONTENT_TYPE")

def meta(request):
    seen = {name: request.META[name] for name in NAMES if name in request.META}
    return JsonResponse({"path": request.path, "secure": request.is_secure(), **seen})

def upload(request):
    content = request.FILES["file"].read()
    return HttpResponse(f"{len(content)} {hashlib.sha1(content).hexdigest()}")

def stream(request):
    return StreamingHttpResponse(f"piece {i}\\n" * 1000 for i in range(5))

def endless(request):
    def pieces():
        try:
            while True:
                yield "x" * 10000
        finally:
            Path(request.GET["mark"]).touch()
    return StreamingHttpResponse(pieces())

urlpatterns = [re_path(".*/meta$", meta), re_path(".*/upload$", upload), re_path(".*/stream$", stream), re_path(".*/endless$", endless)]
application = WSGIHandler()
`
const STREAM = Array.from({ length: 5 }, (_, i) => `piece ${i}\n`.repeat(1000)).join('')

const FRONTS = ['uwsgi', 'fastcgi', 'scgi'] as const
type Front = (typeof FRONTS)[number]

const APACHE = ['/usr/sbin/apache2', '/usr/sbin/httpd'].find(path => existsSync(path))
const MODULES = ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules'].find(path => existsSync(path))
const noNginx = spawnSync(NGINX, ['-v']).status === 0 ? false : 'nginx is not installed'
const noApache = APACHE !== undefined && MODULES !== undefined ? false : 'Apache is not installed'
const noPython = await whyNoPython()

interface Sockets {
  readonly uwsgi: number
  readonly fastcgi: number
  readonly scgi: number
  /** A Unix socket, of SCGI. */
  readonly path: string
}

async function run(t: TestContext, program: string, args: readonly string[], port: number): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGTERM')
    await ended
  })
  while (!(await accepts(port))) assert.equal(child.exitCode, null, `${program} runs`)
}

async function startNginx(t: TestContext, project: Project, { uwsgi, fastcgi, path }: Sockets): Promise<number> {
  const port = await freePort()
  const directory = project.directory
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const common = (front: Front) =>
    [
      'REQUEST_METHOD $request_method',
      'REQUEST_URI $request_uri',
      'CONTENT_TYPE $content_type',
      // nginx writes that of SCGI by itself, as its first parameter.
      ...(front === 'scgi' ? ['SCGI 1'] : ['CONTENT_LENGTH $content_length']),
    ]
      .concat([
        'REMOTE_ADDR $remote_addr',
        'REMOTE_PORT $remote_port',
        'SERVER_PROTOCOL $server_protocol',
        'SERVER_NAME $server_name',
      ])
      .concat(['HTTPS $https if_not_empty', 'REMOTE_USER anna', 'UWSGI_FILE /etc/passwd'])
      .map(words => `${front}_param ${words};`)
      .join(' ')
  project.save(
    'nginx.conf',
    `daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/nginx.log; events {}
http { access_log off; ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
upstream kept { server 127.0.0.1:${fastcgi}; keepalive 1; }
server { listen 127.0.0.1:${port}; client_max_body_size 1m;
location /uwsgi/ { ${common('uwsgi')} uwsgi_buffering off; uwsgi_pass 127.0.0.1:${uwsgi}; }
location /fastcgi/ { ${common('fastcgi')} fastcgi_buffering off; fastcgi_keep_conn on; fastcgi_pass kept; }
location /scgi/ { ${common('scgi')} scgi_buffering off; scgi_pass unix:${path}; } } }
`,
  )
  await run(t, NGINX, ['-e', 'stderr', '-c', project.path('nginx.conf')], port)
  return port
}

async function startApache(t: TestContext, project: Project, { uwsgi, fastcgi, scgi }: Sockets): Promise<number> {
  const port = await freePort()
  const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_uwsgi', 'proxy_fcgi', 'proxy_scgi', 'unixd']
  const account = process.getuid?.() === 0 ? 'User nobody\nGroup #65534\n' : ''
  const load = modules
    .filter(name => existsSync(`${MODULES}/mod_${name}.so`))
    .map(name => `LoadModule ${name}_module ${MODULES}/mod_${name}.so\n`)
    .join('')
  project.save(
    'apache.conf',
    `ServerRoot ${project.directory}
DefaultRuntimeDir ${project.directory}
PidFile ${project.directory}/apache.pid
ErrorLog ${project.directory}/apache.log
ServerName localhost
Listen 127.0.0.1:${port}
StartServers 1
${load}${account}ProxyPass /uwsgi/ uwsgi://127.0.0.1:${uwsgi}/uwsgi/
ProxyPass /fastcgi/ fcgi://127.0.0.1:${fastcgi}/fastcgi/ enablereuse=on
ProxyPass /scgi/ scgi://127.0.0.1:${scgi}/scgi/
`,
  )
  await run(t, APACHE!, ['-D', 'FOREGROUND', '-f', project.path('apache.conf')], port)
  return port
}

async function start(
  t: TestContext,
  args: readonly string[] = [],
): Promise<Sockets & { project: Project; server: Server }> {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'example-django' })
  const project = new Project(t, { 'app.py': APP })
  const sockets = {
    uwsgi: await freePort(),
    fastcgi: await freePort(),
    scgi: await freePort(),
    path: project.path('front.sock'),
  }
  const binds = [
    '127.0.0.1:0',
    `uwsgi://127.0.0.1:${sockets.uwsgi}`,
    `fastcgi://127.0.0.1:${sockets.fastcgi}`,
    `scgi://127.0.0.1:${sockets.scgi}`,
    `scgi://unix:${sockets.path}`,
  ].flatMap(address => ['-b', address])
  const server = await startServer({
    app: 'app:application',
    directory: project.directory,
    python,
    args: [...binds, ...args],
  })
  return { ...sockets, project, server }
}

const UPLOAD = Buffer.alloc(200_000, 'content of a file ')
const FORM = Buffer.concat([
  Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'),
  UPLOAD,
  Buffer.from('\r\n--b--\r\n'),
])

async function ask(port: number, front: Front, isNginx: boolean): Promise<void> {
  await withClient(port, async client => {
    const path = `/${front}`
    const spoofed = 'X-Forwarded-For: 6.6.6.6\r\nProxy: evil\r\nX-Twice: 1\r\nX-Twice: 2\r\n'
    const seen = await client.send(`GET ${path}/a%20b/meta?q=%20 HTTP/1.1\r\nHost: t\r\n${spoofed}\r\n`).response('GET')
    assert.equal(seen.status, 200, seen.body.toString())
    const { path: decoded, ...meta } = JSON.parse(seen.body.toString())
    const user = isNginx ? { REMOTE_USER: 'anna' } : {}
    const names = { REQUEST_METHOD: 'GET', QUERY_STRING: 'q=%20', SERVER_PROTOCOL: 'HTTP/1.1' }
    assert.equal(decoded, `${path}/a b/meta`)
    assert.equal(meta.HTTP_X_TWICE.replaceAll(' ', ''), '1,2')
    const { HTTP_X_TWICE: _, CONTENT_TYPE: __, ...rest } = meta
    assert.deepEqual(rest, { secure: false, REMOTE_ADDR: '127.0.0.1', ...names, ...user })
    const upload = await client
      .send(
        `POST ${path}/upload HTTP/1.1\r\nHost: t\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${FORM.length}\r\n\r\n`,
      )
      .send(FORM)
      .response('POST')
    assert.equal(upload.body.toString(), `${UPLOAD.length} ${createHash('sha1').update(UPLOAD).digest('hex')}`)
    const head = await client.send(`HEAD ${path}/stream HTTP/1.1\r\nHost: t\r\n\r\n`).response('HEAD')
    assert.equal(head.status, 200)
    const stream = await client.send(`GET ${path}/stream HTTP/1.1\r\nHost: t\r\n\r\n`).response('GET')
    assert.equal(stream.body.toString(), STREAM)
    assert.equal((await client.send(`GET ${path}/none HTTP/1.1\r\nHost: t\r\n\r\n`).response('GET')).status, 404)
  })
}

test('Django behind nginx, by uwsgi, FastCGI and SCGI', { skip: noPython || noNginx }, async t => {
  const { server, project, ...sockets } = await start(t, [
    '--trusted-proxies',
    'none',
    '--params-from',
    '127.0.0.1,unix',
  ])
  const port = await startNginx(t, project, sockets)
  for (const front of FRONTS) {
    await ask(port, front, true)
    const mark = project.path(`${front}-left`)
    const client = new RawClient(port)
    await client.send(`GET /${front}/endless?mark=${mark} HTTP/1.1\r\nHost: t\r\n\r\n`).readUntil('xxxx')
    client.close()
    await until(
      () => existsSync(mark),
      () => `the stream by ${front} goes on after its client`,
    )
  }
  server.expectLog(/warn .*refused 127\.0\.0\.1: .*looks like HTTP/)
  const wrong = new RawClient(sockets.uwsgi)
  await wrong.send('GET / HTTP/1.1\r\n\r\n').readUntil('looks like HTTP')
  wrong.close()
  server.expectLog(
    /warn .*a connection of 127\.0\.0\.77 was closed: it may send no requests for others \(params-from\)/,
  )
  const stranger = connect({ port: sockets.fastcgi, host: '127.0.0.1', localAddress: '127.0.0.77' })
  stranger.on('error', () => {})
  await once(stranger.resume(), 'close')
  await server.stop()
})

test('Django behind Apache, by uwsgi, FastCGI and SCGI; two threads of the gateway', {
  skip: noPython || noApache,
}, async t => {
  const { server, project, ...sockets } = await start(t, ['--gateway-threads', '2', '--trusted-proxies', 'none'])
  const port = await startApache(t, project, sockets)
  for (const front of FRONTS) await ask(port, front, false)
  await server.stop()
})
