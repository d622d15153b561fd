/** Limits and logs beside a real nginx: the same arrivals at the same moments, the same lines. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { NGINX } from '../../bench/nginx.ts'
import { runNginx } from '../sites/compare.ts'
import { freePort } from '../support/free-port.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { startServer, until } from '../support/server.ts'

/** What both write of a request. Times are left out. */
const FORMATS = {
  default:
    '$remote_addr - $remote_user "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" <$args> $uri $host',
  json: '{"method":"$request_method","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"agent":"$http_user_agent","q":"$arg_q","cookie":"$cookie_c"}',
  none: '$request_uri|$http_x_name|$server_protocol|$scheme|$limit_req_status',
} as const

const LOGGED: readonly (readonly [request: string, ...headers: string[]])[] = [
  ['GET /l/x.txt?q=1', 'User-Agent: curl/8 "x"', 'Cookie: c=d; e=f'],
  ['GET /l/none.txt', 'User-Agent: a\\b\tc', 'Referer: http://a.kr/\xec\x97\xb4'],
  // No Authorization: $remote_user is only who was verified here, on purpose.
  ['HEAD /l/x.txt', 'X-Name: a"b'],
  ['POST /l/x.txt', 'Content-Length: 0'],
  ['GET /l/%22x%5C%0a'],
  ['GET /l/x.txt', 'Range: bytes=0-1'],
  ['GET /l/old', 'X-Name: y'],
]

async function askLogged(port: number): Promise<void> {
  for (const [request, ...headers] of LOGGED) {
    const [method, target] = request.split(' ')
    const client = new RawClient(port)
    const lines = [...headers, 'Host: limits.test', 'Connection: close'].map(line => `${line}\r\n`).join('')
    client.send(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`)
    await client.response(method)
    client.socket.destroy()
  }
}

/** Its lines, as many as requests. */
async function linesOf(project: Project, file: string): Promise<string[]> {
  const lines = () => readFileSync(project.path(file), 'latin1').split('\n').slice(0, -1)
  await until(
    () => lines().length >= LOGGED.length,
    () => `${file}: ${lines().join('\n')}`,
  )
  return lines()
}

interface Scene {
  readonly rate: string
  /** As both write it; empty: no words. */
  readonly words: string
  /** Requests that come at once, and milliseconds before the next ones. A few hundred milliseconds more change nothing. */
  readonly arrivals: readonly (readonly [count: number, pause: number])[]
  /** Of each that is let in, milliseconds that it has to wait at least. */
  readonly waits: readonly number[]
}

const SCENES: readonly Scene[] = [
  { rate: '1/s', words: '', arrivals: [[3, 0]], waits: [0] },
  {
    rate: '1/s',
    words: 'burst=2 nodelay',
    arrivals: [
      [5, 550],
      [3, 0],
    ],
    waits: [0, 0, 0],
  },
  { rate: '240/m', words: 'burst=2', arrivals: [[6, 0]], waits: [0, 250, 500] },
  { rate: '4/s', words: 'burst=4 delay=2', arrivals: [[7, 0]], waits: [0, 0, 0, 250, 500] },
  {
    rate: '30/m',
    words: 'burst=1 nodelay',
    arrivals: [
      [4, 300],
      [1, 0],
    ],
    waits: [0, 0],
  },
]

/** The statuses of each group; and which of those that were let in came sooner than they may. */
async function arrive(port: number, path: string, { arrivals, waits }: Scene): Promise<unknown[]> {
  const told: unknown[] = []
  const tooSoon: number[] = []
  for (const [count, pause] of arrivals) {
    const answers: { readonly status: number; readonly took: number }[] = []
    const began = performance.now()
    const ask = async () => {
      const { status } = await getOnce(port, path, 'Host: limits.test')
      answers.push({ status, took: performance.now() - began })
    }
    // The first is there before all others, so its place is known.
    await ask()
    await Promise.all(Array.from({ length: count - 1 }, ask))
    told.push(
      answers
        .map(({ status }) => status)
        .sort()
        .join(', '),
    )
    const passed = answers
      .filter(({ status }) => status === 200)
      .map(({ took }) => took)
      .sort((a, b) => a - b)
    // wait: no measurement of speed, a request that is held back must not come sooner; 10 ms for the clocks
    if (told.length === 1) tooSoon.push(...waits.filter((wait, i) => passed[i]! < wait - 10))
    // wait: the pause between arrivals is the scene itself
    await new Promise(resolve => setTimeout(resolve, pause))
  }
  return [...told, tooSoon]
}

/** The content of errors and redirects is another; what JSON says is the same, however it is escaped. */
function comparable(line: string): unknown {
  if (!line.startsWith('{')) return line.replace(/" (30\d|4\d\d) \d+ "/, '" $1 N "')
  const { bytes, ...said } = JSON.parse(Buffer.from(line, 'latin1').toString('utf8'))
  return said.status >= 300 ? said : { bytes, ...said }
}

function nginxConf(port: number, directory: string): string {
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  const zones = SCENES.map(
    ({ rate }, i) => `limit_req_zone $binary_remote_addr zone=s${i}:1m rate=${rate.replace('/', 'r/')};`,
  )
  const locations = SCENES.map(
    ({ words }, i) => `location /s${i}/ { alias ${directory}/public/; limit_req zone=s${i} ${words}; }`,
  )
  return `${user}daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log crit;
events { worker_connections 200; }
http {
  ${Object.entries(FORMATS)
    .map(([one, format]) => `log_format ${one} escape=${one} '${format}';`)
    .join(' ')}
  access_log off; absolute_redirect off; limit_req_status 429; limit_conn_status 429;
  limit_conn_zone $binary_remote_addr zone=c:1m; ${zones.join(' ')}
  server {
    listen 127.0.0.1:${port};
    location /l/ {
      alias ${directory}/public/; limit_req zone=s0 burst=50 nodelay; location = /l/old { return 301 /new; }
      ${Object.keys(FORMATS)
        .map(one => `access_log ${directory}/nginx-${one}.log ${one};`)
        .join(' ')}
    }
    location /c/ { alias ${directory}/public/; limit_conn c 2; }
    ${locations.join('\n')}
  }
}`
}

function toml(directory: string): string {
  const limits = SCENES.map(({ rate }, i) => `[[limit]]\nname = "s${i}"\nrate = "${rate}"\n`)
  const locations = SCENES.map(
    ({ words }, i) => `  { match = "/s${i}/", alias = "${directory}/public/", limits = ["s${i} ${words}"] },\n`,
  )
  return `[[app]]\nname = "main"\napp = "plain"\nworkers = 1\nchdir = "${APPS}"\n
${limits.join('\n')}
[[limit]]
name = "c"
connections = 2

${Object.entries(FORMATS)
  .map(([one, format]) => `[[log]]\nname = "${one}"\nfile = "${one}.log"\nescape = "${one}"\nformat = '${format}'\n`)
  .join('\n')}
[[site]]
names = ["limits.test"]
charset = "off"
locations = [
  { match = "/app/", app = "main" },
  { match = "/l/", alias = "${directory}/public/", limits = ["s0 burst=50 nodelay"], logs = ["default", "json", "none"], locations = [
    { match = "= /l/old", return = "301 /new" },
  ] },
${locations.join('')}  { match = "/c/", alias = "${directory}/public/", limits = "c" },
]
`
}

/** A client that has asked for a large file and reads only the head of the answer. */
async function slowClient(
  port: number,
  t: TestContext,
): Promise<{ readonly status: number; readonly client: RawClient }> {
  const client = new RawClient(port)
  t.after(() => client.socket.destroy())
  client.get('/c/large.bin', 'Host: limits.test')
  const { status } = await client.head()
  client.socket.pause()
  return { status, client }
}

test('limits and lines of logs are nginx’s', async t => {
  const project = new Project(t, {})
  mkdirSync(project.path('public'))
  writeFileSync(project.path('public/x.txt'), 'a file')
  writeFileSync(project.path('public/large.bin'), Buffer.alloc(20_000_000))
  const port = await freePort()
  project.save('nginx.conf', nginxConf(port, project.directory))
  project.save('jumak.toml', toml(project.directory))
  const nginx = await runNginx(NGINX, project.path('nginx.conf'), port)
  const ended = once(nginx, 'close')
  t.after(() => {
    nginx.kill()
    return ended
  })
  const server = await startServer({ directory: project.directory })
  server.mayLog(/it is too much for the limit/)

  const both = async (ask: (port: number) => Promise<unknown>) => Promise.all([ask(port), ask(server.port)])
  await Promise.all(
    SCENES.map(async (scene, i) => {
      const [theirs, ours] = await both(one => arrive(one, `/s${i}/x.txt`, scene))
      assert.deepEqual(ours, theirs, JSON.stringify(scene))
    }),
  )
  const [theirs, ours] = await both(async one => {
    const slow = [await slowClient(one, t), await slowClient(one, t), await slowClient(one, t)]
    slow[0]!.client.socket.destroy()
    // wait: for the server to see that it has gone; it tells nobody
    let again = 0
    for (let i = 0; i < 100 && again !== 200; i++) again = (await getOnce(one, '/c/x.txt', 'Host: limits.test')).status
    const statuses = slow.map(({ status }) => status)
    for (const { client } of slow) client.socket.destroy()
    return [...statuses, again]
  })
  assert.deepEqual(ours, theirs)
  assert.deepEqual(ours, [200, 200, 429, 200])
  const refused = await getOnce(server.port, '/s4/x.txt', 'Host: limits.test')
  assert.equal(refused.status, 429)
  assert.match(refused.header('retry-after')!, /^[12]$/)

  await both(askLogged)
  for (const one of Object.keys(FORMATS)) {
    const [theirLines, ourLines] = await Promise.all([
      linesOf(project, `nginx-${one}.log`),
      linesOf(project, `${one}.log`),
    ])
    assert.deepEqual(ourLines.map(comparable), theirLines.map(comparable), one)
  }
  await server.stop()
})
