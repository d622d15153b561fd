/** Compression: a real nginx beside it decides the same; what others decode; event streams; content without an end in bounded memory. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createGunzip, gunzipSync } from 'node:zlib'
import { NGINX } from '../../bench/nginx.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { Gate } from '../support/gate.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { RawClient, type RawResponse } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

const TYPES = ['text/html', 'text/css', 'application/json', 'text/event-stream', 'text/plain']
const MIB = 1024 * 1024

interface Spec {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly length: number
  readonly chunks?: number
}

function pathOf(spec: Spec): string {
  return `/answer?spec=${encodeURIComponent(JSON.stringify(spec))}`
}

async function serve(t: TestContext, settings: string): Promise<Server> {
  const project = new Project(t, {
    'jumak.toml': `app = "compressed:application"\nworkers = 1\nthreads = 4\nstatic = { "/static/" = "static" }\n${settings}`,
    'static/app.css': 'a { color: red }\n'.repeat(5000),
  })
  copyFileSync(join(APPS, 'compressed.py'), project.path('compressed.py'))
  return startServer({ directory: project.directory })
}

async function get(target: Server['target'] | number, path: string, ...headers: string[]): Promise<RawResponse> {
  const client = new RawClient(target)
  client.get(path, ...headers)
  const response = await client.response()
  client.socket.destroy()
  return response
}

/** What the client sees of the decision. */
function decisionOf({ header, headers, body }: RawResponse) {
  const vary = headers.flatMap(([name, value]) =>
    name === 'vary' ? value.split(',').map(one => one.trim().toLowerCase()) : [],
  )
  const coding = header('content-encoding') ?? ''
  return {
    coding,
    vary: [...new Set(vary)].sort(),
    etag: header('etag') ?? '',
    hasLength: coding === 'gzip' ? false : header('content-length') !== undefined,
    ranges: header('accept-ranges') ?? '',
    content: (coding === 'gzip' ? gunzipSync(body) : body).toString('latin1'),
  }
}

/** Largest RSS of a process in MB. */
function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1024
}

/** What nginx stands in front of: the same as `compressed.py`. */
async function startSource(t: TestContext): Promise<number> {
  const source = createServer((request, response) => {
    const spec = JSON.parse(new URL(request.url!, 'http://a').searchParams.get('spec')!) as Spec
    const line = '<p>The shop has seven pears, and three of them are ripe.</p>\n'
    const body = line.repeat(spec.length / line.length + 1).slice(0, spec.length)
    const length = spec.chunks ? [] : [['Content-Length', String(body.length)] as const]
    response.writeHead(spec.status, [...spec.headers, ...length].flat())
    response.end(body)
  })
  source.listen(0, '127.0.0.1')
  await once(source, 'listening')
  t.after(() => {
    source.closeAllConnections()
    source.close()
  })
  return (source.address() as AddressInfo).port
}

async function startNginx(t: TestContext): Promise<number> {
  const source = await startSource(t)
  const port = await freePort()
  const project = new Project(t, {})
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  project.save(
    'nginx.conf',
    `${process.getuid?.() === 0 ? 'user root; ' : ''}daemon off; worker_processes 1; pid ${project.path('nginx.pid')}; error_log stderr crit;
    events {} http { access_log off;
      ${temporary.map(name => `${name}_temp_path ${project.path(name)};`).join(' ')}
      gzip on; gzip_vary on; gzip_proxied any; gzip_comp_level 1; gzip_min_length 512;
      gzip_types ${TYPES.filter(type => type !== 'text/html').join(' ')};
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${source}; proxy_http_version 1.1; } } }`,
  )
  const nginx = spawn(NGINX, ['-e', 'stderr', '-c', project.path('nginx.conf')], { stdio: 'ignore' })
  const ended = once(nginx, 'close')
  t.after(() => {
    nginx.kill()
    return ended
  })
  await until(
    () => accepts(port),
    () => 'nginx does not accept',
  )
  return port
}

/** Responses that both are asked for. Left out is what differs on purpose: `src/compression/eligible.ts` says it. */
function specs(): Spec[] {
  const html = ['Content-Type', 'text/html; charset=utf-8'] as const
  const bodies = [
    { length: 511 },
    { length: 512 },
    { length: 20_000 },
    { length: 200_000 },
    { length: 100, chunks: 2 },
    { length: 90_000, chunks: 7 },
  ]
  const heads: (readonly (readonly [string, string])[])[] = [
    [html],
    [['content-type', 'TEXT/CSS']],
    [['Content-Type', 'application/json;charset=utf-8']],
    [['Content-Type', 'image/png']],
    [['Content-Type', 'application/jsonx']],
    [],
    [html, ['ETag', '"strong"'], ['Accept-Ranges', 'bytes']],
    [html, ['ETag', 'W/"weak"'], ['Vary', 'Cookie']],
    [html, ['ETag', 'malformed']],
    [html, ['Content-Encoding', 'br'], ['ETag', '"strong"']],
    [html, ['Cache-Control', 'no-store, private']],
  ]
  const all = bodies.flatMap(body => heads.map(headers => ({ status: 200, headers, ...body })))
  return [...all, ...[403, 404].map(status => ({ status, headers: [html], length: 20_000 }))]
}

test('nginx and Jumak compress the same responses, with the same fields and the same content', async t => {
  const server = await serve(t, `compress = ["gzip"]\ncompress-types = ${JSON.stringify(TYPES)}\n`)
  const nginx = await startNginx(t)
  const accepts = ['gzip', 'deflate, gzip;q=0.5, br', 'gzip;q=0', 'br', '']
  const asked = specs().flatMap((spec, i) => ({ spec, accept: accepts[i % accepts.length]! }))
  asked.push(...specs().map(spec => ({ spec, accept: 'gzip, deflate, br, zstd' })))
  for (const { spec, accept } of asked) {
    const headers = accept === '' ? [] : [`Accept-Encoding: ${accept}`]
    const [own, theirs] = await Promise.all([
      get(server.target, pathOf(spec), ...headers),
      get(nginx, pathOf(spec), ...headers),
    ])
    assert.deepEqual(decisionOf(own), decisionOf(theirs), `${JSON.stringify(spec)} for ${accept}`)
  }
  const old = new RawClient(server.target).send(`GET ${pathOf(specs()[2]!)} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n`)
  assert.equal((await old.response()).header('content-encoding'), undefined)
  await server.stop()
})

test('others decode it; events are live; a slow client holds nobody back; content without an end takes no memory', async t => {
  const server = await serve(t, 'compress = true\ncompress-types = ["text/*"]\n')
  const { pid } = server.gateway()

  // ---- curl, Python
  const spec = { status: 200, headers: [['Content-Type', 'text/html']] as const, length: 150_000 }
  const plain = await get(server.target, pathOf(spec))
  assert.equal(plain.body.length, 150_000)
  const url = `http://127.0.0.1:${server.port}`
  assert.equal(
    execFileSync('curl', ['-s', '-g', '--compressed', url + pathOf(spec)], { encoding: 'latin1' }),
    plain.body.toString('latin1'),
  )
  for (const path of [pathOf(spec), '/zeros?mib=3']) {
    const { body, header } = await get(server.target, path, 'Accept-Encoding: gzip')
    assert.equal(header('content-encoding'), 'gzip')
    const decoded = execFileSync(
      'python3',
      ['-c', 'import sys,gzip; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))'],
      {
        input: body,
        maxBuffer: 8 * MIB,
      },
    )
    assert.ok(decoded.equals(path === pathOf(spec) ? plain.body : Buffer.alloc(3 * MIB)))
  }

  // ---- events
  const gate = new Gate(t)
  const client = new RawClient(server.target).get(`/events?gate=${gate.file}`, 'Accept-Encoding: gzip')
  const { headers } = await client.head()
  assert.ok(headers.some(([name, value]) => name === 'content-encoding' && value === 'gzip'))
  const gunzip = createGunzip()
  const next = async () => {
    const size = Number.parseInt(await client.readUntil('\r\n'), 16)
    gunzip.write(await client.readExactly(size))
    await client.readUntil('\r\n')
  }
  const first = once(gunzip, 'data')
  await next()
  assert.equal(String(await first), 'data: first\n\n')
  gate.open()
  const second = once(gunzip, 'data')
  await next()
  assert.equal(String(await second), 'data: second\n\n')
  client.socket.destroy()

  // ---- a slow client, and a bomb beside it
  const before = peakOf(pid)
  const slow = connect(server.port, '127.0.0.1')
  await once(slow, 'connect')
  slow.write('GET /zeros?mib=100000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd;q=0, br;q=0, gzip\r\n\r\n')
  await once(slow, 'readable')
  const [response] = (await once(
    request({ port: server.port, path: '/zeros?mib=128', headers: { 'Accept-Encoding': 'gzip' }, agent: false }).end(),
    'response',
  )) as [IncomingMessage]
  let bytes = 0
  for await (const chunk of response.pipe(createGunzip())) bytes += (chunk as Buffer).length
  assert.equal(bytes, 128 * MIB)
  slow.destroy()
  const more = peakOf(pid) - before
  assert.ok(more < 100, `${more} MB`)

  // ---- files
  await until(
    async () => {
      const file = await get(server.target, '/static/app.css', 'Accept-Encoding: gzip, br')
      return file.header('content-encoding') === 'br' && file.header('etag')!.startsWith('W/')
    },
    () => 'the file is not compressed',
  )
  await server.stop()
})
