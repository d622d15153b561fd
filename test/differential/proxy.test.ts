/** Requests through a real nginx and through Jumak, to one and the same server: what reaches it, and what comes back, must be the same. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { NGINX } from '../../bench/nginx.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { Project } from '../support/project.ts'
import { type RawResponse, withClient } from '../support/raw-client.ts'
import { startServer, until } from '../support/server.ts'
import { type Reached, startEcho } from '../support/upstreams.ts'

/** A location for both; `nginx` and `jumak` differ in notation only. */
interface Spec {
  readonly path: string
  readonly nginx: string
  readonly jumak: string
}

const SPECS: readonly Spec[] = [
  {
    path: '/plain/',
    nginx: 'location /plain/ { proxy_pass http://back; }',
    jumak: '{ match = "/plain/", proxy = "http://back" }',
  },
  {
    path: '/slash/',
    nginx: 'location /slash/ { proxy_pass http://back/; }',
    jumak: '{ match = "/slash/", proxy = "http://back/" }',
  },
  {
    path: '/to/',
    nginx: 'location /to/ { proxy_pass http://back/v1/; }',
    jumak: '{ match = "/to/", proxy = "http://back/v1/" }',
  },
  {
    path: '/bare',
    nginx: 'location /bare { proxy_pass http://back/v1; }',
    jumak: '{ match = "/bare", proxy = "http://back/v1" }',
  },
  {
    path: '/exact',
    nginx: 'location = /exact { proxy_pass http://back/one; }',
    jumak: '{ match = "= /exact", proxy = "http://back/one" }',
  },
  {
    path: '/re/',
    nginx: 'location ~ ^/re/ { proxy_pass http://back; }',
    jumak: '{ match = "~ ^/re/", proxy = "http://back" }',
  },
  {
    path: '/vars/',
    nginx: 'location /vars/ { proxy_pass http://back/x?from=$arg_q; }',
    jumak: '{ match = "/vars/", proxy = "http://back/x?from=$arg_q" }',
  },
  {
    path: '/req/',
    nginx: 'location /req/ { proxy_pass http://back$request_uri; }',
    jumak: '{ match = "/req/", proxy = "http://back$request_uri" }',
  },
  {
    path: '/rw/',
    nginx: 'location /rw/ { rewrite ^/rw/(.*)$ /new/$1 break; proxy_pass http://back; }',
    jumak:
      '{ match = "/rw/", proxy = "http://back", rewrites = [{ from = "^/rw/(.*)$", to = "/new/$1", flag = "break" }] }',
  },
  {
    path: '/rwto/',
    nginx: 'location /rwto/ { rewrite ^/rwto/(.*)$ /new/$1?more=1 break; proxy_pass http://back/v1/; }',
    jumak:
      '{ match = "/rwto/", proxy = "http://back/v1/", rewrites = [{ from = "^/rwto/(.*)$", to = "/new/$1?more=1", flag = "break" }] }',
  },
  {
    path: '/last/',
    nginx: 'location /last/ { rewrite ^/last/(.*)$ /to/$1 last; }',
    jumak: '{ match = "/last/", rewrites = [{ from = "^/last/(.*)$", to = "/to/$1", flag = "last" }] }',
  },
  {
    path: '/try/',
    nginx: 'location /try/ { try_files /nothing @named; } location @named { proxy_pass http://back; }',
    jumak:
      '{ match = "/try/", root = "public", try-files = ["/nothing", "@named"] },\n  { match = "@named", proxy = "http://back" }',
  },
  {
    path: '/args/',
    nginx: 'location /args/ { set $args "a=b"; proxy_pass http://back/v2/; }',
    jumak: '{ match = "/args/", proxy = "http://back/v2/", rewrites = [{ set = { args = "a=b" } }] }',
  },
  {
    path: '/head/',
    nginx:
      'location /head/ { proxy_set_header X-Own "$host $uri"; proxy_set_header Cookie ""; proxy_set_header Host own.test; proxy_set_header Connection ""; proxy_pass http://back; }',
    jumak:
      '{ match = "/head/", proxy = "http://back", proxy-set-headers = { X-Own = "$host $uri", Cookie = "", Host = "own.test" } }',
  },
  {
    path: '/redir/',
    nginx:
      'location /redir/ { proxy_redirect http://$proxy_host/v1/ /one/; proxy_redirect ~*^http://OTHER\\.test/(.*)$ http://$host/o/$1; proxy_pass http://back/v1/; proxy_redirect default; }',
    jumak:
      '{ match = "/redir/", proxy = "http://back/v1/", proxy-redirect = ["http://$proxy_host/v1/ /one/", "~*^http://OTHER\\\\.test/(.*)$ http://$host/o/$1", "default"] }',
  },
  {
    path: '/redoff/',
    nginx: 'location /redoff/ { proxy_redirect off; proxy_pass http://back/v1/; }',
    jumak: '{ match = "/redoff/", proxy = "http://back/v1/", proxy-redirect = "off" }',
  },
  {
    path: '/cookies/',
    nginx:
      'location /cookies/ { proxy_cookie_domain back.test $host; proxy_cookie_domain ~\\.b(.*)$ c$1; proxy_cookie_path ~*^/USER/(.+) /u/$1; proxy_cookie_path /v1/ /api/; proxy_pass http://back; }',
    jumak:
      '{ match = "/cookies/", proxy = "http://back", proxy-cookie-domain = ["back.test $host", "~\\\\.b(.*)$ c$1"], proxy-cookie-path = ["~*^/USER/(.+) /u/$1", "/v1/ /api/"] }',
  },
  {
    path: '/ignore/',
    nginx:
      'location /ignore/ { proxy_ignore_headers X-Accel-Redirect; proxy_pass_header X-Accel-Redirect; proxy_pass http://back; }',
    jumak:
      '{ match = "/ignore/", proxy = "http://back", proxy-ignore-headers = "X-Accel-Redirect", proxy-pass-headers = "X-Accel-Redirect" }',
  },
  {
    path: '/bodiless/',
    nginx:
      'location /bodiless/ { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_pass http://back; }',
    jumak: '{ match = "/bodiless/", proxy = "http://back", proxy-pass-request-body = false }',
  },
  {
    path: '/headless/',
    nginx:
      'location /headless/ { proxy_pass_request_headers off; proxy_set_header X-Up "$upstream_addr"; proxy_set_header X-To "$proxy_host:$proxy_port"; proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_pass http://back; }',
    jumak:
      '{ match = "/headless/", proxy = "http://back", proxy-pass-request-headers = false, proxy-set-headers = { X-To = "$proxy_host:$proxy_port" } }',
  },
  {
    path: '/says/',
    nginx:
      'location /says/ { add_header X-Says "$upstream_addr $upstream_status $upstream_http_x_powered_by $upstream_cookie_b $upstream_http_server" always; proxy_set_header X-Chain $proxy_add_x_forwarded_for; proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_pass http://back; }',
    jumak:
      '{ match = "/says/", proxy = "http://back", add-headers-always = { X-Says = "$upstream_addr $upstream_status $upstream_http_x_powered_by $upstream_cookie_b $upstream_http_server" }, proxy-set-headers = { X-Chain = "$proxy_add_x_forwarded_for" } }',
  },
]

/** Behind the path of the location. */
const RESTS: readonly string[] = [
  '',
  'a',
  'a?q=1&r=%20',
  'a?',
  'a%20b',
  'a%2fb',
  'a%2Fb?q=%2F',
  'a/./b/../c',
  'a//b',
  'a%25b',
  'a%3Fb?x=y',
  'a%23b',
  'a;b=c',
  'a+b',
  '~user/%7Euser',
  'a%41',
  '%C3%A9',
  "a'b(c)*!,",
  'a:b@c&d=e$f',
  'a%22b%3C%3E%5C%5E%60%7B%7C%7D',
]

const FIELDS =
  'Cookie: a=1; b=2\r\nAccept: x\r\nAccept: y\r\nX-Twice: 1\r\nX-Twice: 2\r\nKeep-Alive: 5\r\nTE: trailers\r\n'

/** What one of the two adds, on purpose, or spells in its own way: that a POST has no content is said by Jumak (RFC9110§8.6). */
const NOT_COMPARED = /^(?:content-length: 0$|x-real-ip|x-forwarded-|x-request-id|cdn-loop|connection$|keep-alive$|te$)/

function reachedText(response: RawResponse): string {
  if (response.status !== 200) return String(response.status)
  const { method, url, headers } = JSON.parse(response.body.toString()) as Reached
  const lines = headers.flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${headers[i + 1]}`] : []))
  return [`${method} ${url}`, ...lines.filter(line => !NOT_COMPARED.test(line)).sort()].join('\n')
}

/** How both answer to what a server says of a Location, statuses and fields. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  'location-own': ['Location', 'http://back/v1/next?x=1'],
  'location-root': ['Location', 'http://back/next'],
  'location-other': ['Location', 'http://other.test/v1/next'],
  'location-path': ['Location', '/v1/next'],
  hidden: ['Server', 'secret', 'X-Pad', 'x', 'X-Accel-Expires', '5', 'X-Powered-By', 'shown'],
  refresh: ['Refresh', '5; url=http://other.test/x'],
  'refresh-own': ['Refresh', '5; URL=http://back/v1/x'],
  accel: ['X-Accel-Redirect', '/to/elsewhere', 'X-Kept', '1'],
  domains: [
    ...['Set-Cookie', 'a=1; Domain=.Back.test; Path=/v1/x; Secure', 'Set-Cookie', 'b=2;domain=x.bb.test;path=/user/7'],
    ...['Set-Cookie', 'c=domain=back.test; Path=/v1; HttpOnly', 'Set-Cookie', 'd=4; Domain=back.test'],
  ],
  cookies: ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2; Path=/v1/', 'Link', '</a>', 'Link', '</b>'],
}

const ANSWERED = [
  '/plain/',
  '/slash/',
  '/to/',
  '/re/',
  '/vars/',
  '/rwto/',
  '/redir/',
  '/redoff/',
  '/cookies/',
  '/ignore/',
]

function answerText({ status, headers }: RawResponse): string {
  // nginx writes a blank behind each semicolon of a cookie that it has changed.
  // Each server says its own name and date, and frames content in its own way.
  const kept = headers.filter(
    ([name]) => !/^(?:server|date|connection|content-length|transfer-encoding|keep-alive)$/.test(name),
  )
  return [
    String(status),
    ...kept.map(([name, value]) => `${name}: ${name === 'set-cookie' ? value.replace(/;\s*/g, '; ') : value}`).sort(),
  ].join('\n')
}

test('paths, fields and answers are those of nginx', {
  skip: existsSync(NGINX) ? false : 'nginx is not installed',
}, async t => {
  const echo = await startEcho('echo', (request, response) => {
    const name = /\/answer-([\w-]+)/.exec(request.url!)?.[1]
    if (name === undefined) return false
    const fields = ANSWERS[name]!
    const grouped = new Map<string, string[]>()
    for (let i = 0; i < fields.length; i += 2)
      grouped.set(fields[i]!, [...(grouped.get(fields[i]!) ?? []), fields[i + 1]!])
    response.writeHead(fields[0] === 'Location' ? 302 : 201, Object.fromEntries(grouped))
    response.end()
    return true
  })
  t.after(() => echo.close())
  const project = new Project(t, {
    'public/index.html': 'home',
    'jumak.toml': `trusted-proxies = "192.0.2.1"
[[upstream]]
name = "back"
servers = ["127.0.0.1:${echo.port}"]
[[site]]
locations = [
  ${SPECS.map(({ jumak }) => jumak).join(',\n  ')}
]`,
  })
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  for (const name of temporary) mkdirSync(project.path(name))
  writeFileSync(
    project.path('nginx.conf'),
    `daemon off; master_process off; error_log stderr; pid ${project.path('nginx.pid')}; events {}
http { access_log off; absolute_redirect off; ${temporary.map(name => `${name}_temp_path ${project.path(name)};`).join(' ')}
  upstream back { server 127.0.0.1:${echo.port}; keepalive 8; }
  server { listen 127.0.0.1:${port}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
  ${SPECS.map(({ nginx }) => nginx).join('\n  ')} } }`,
  )
  const nginx = spawn(NGINX, ['-e', 'stderr', '-c', project.path('nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const stopNginx = async () => {
    if (nginx.exitCode !== null || nginx.signalCode !== null) return
    nginx.kill()
    await once(nginx, 'close')
  }
  t.after(stopNginx)
  const server = await startServer({ directory: project.directory })
  await until(
    () => accepts(port),
    () => 'nginx does not accept',
  )
  const both = async (method: string, path: string): Promise<readonly [RawResponse, RawResponse]> => {
    const text = `${method} ${path} HTTP/1.1\r\nHost: shop.test\r\n${FIELDS}${method === 'POST' ? 'Content-Length: 2\r\n\r\nhi' : '\r\n'}`
    const ask = (target: Parameters<typeof withClient>[0]) =>
      withClient(target, client => client.send(text).response(method))
    return Promise.all([ask(port), ask(server.target)])
  }
  const different: string[] = []
  const compare = (what: string, theirs: string, ours: string) => {
    if (theirs !== ours)
      different.push(
        `${what}\n  nginx ${theirs.replaceAll('\n', '\n        ')}\n  jumak ${ours.replaceAll('\n', '\n        ')}`,
      )
  }
  for (const { path } of SPECS)
    for (const rest of path === '/exact' ? ['', '?a=b'] : RESTS)
      for (const method of ['GET', 'POST']) {
        const [theirs, ours] = await both(method, path + rest)
        compare(`${method} ${path}${rest}`, reachedText(theirs), reachedText(ours))
      }
  for (const name of Object.keys(ANSWERS))
    for (const path of [...ANSWERED, '/says/']) {
      const [theirs, ours] = await both('GET', `${path}answer-${name}`)
      compare(`GET ${path}answer-${name}`, answerText(theirs), answerText(ours))
    }
  assert.deepEqual(different, [], `${different.length} differences:\n${different.slice(0, 20).join('\n')}`)
  // Before its directory goes.
  await stopNginx()
  await server.stop()
})
