/**
 * The real uvicorn beside `jumak uvicorn`. What is known to differ, and is told in `docs/how-to/from-uvicorn.md`, is taken out of both answers
 * (`comparable`). Not compared: options that only their effect over time would show (timeouts, limits), and TLS.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { temporaryDirectory } from '../support/project.ts'
import { type Answer, type Ask, ask, jumak, start } from './pair.ts'

const HERE = import.meta.dirname
const noPython = await whyNoPython()

interface Case {
  readonly words?: string
  readonly env?: Readonly<Record<string, string>>
  readonly asks?: readonly Ask[]
}

const FORWARDED = {
  headers: {
    'X-Forwarded-For': '203.0.113.7, 10.1.1.1',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Host': 'other.test',
  },
}

const CASES: Readonly<Record<string, Case>> = {
  'requests of all kinds': {
    asks: [
      { path: '/a%20b/%C3%BC/x?q=1&r=%20' },
      { path: '//two//slashes/../up' },
      { method: 'POST', content: 'some content', headers: { 'Content-Length': '12' } },
      { method: 'PUT', content: 'in pieces', headers: { 'Transfer-Encoding': 'chunked' } },
      { method: 'HEAD' },
      { method: 'PROPFIND', path: '/dav' },
      { headers: { 'X-Mixed-Case': 'A', 'X-Twice': ['1', '2'], Cookie: 'a=1; b=2', 'X-Under_Score': '1' } },
      { path: '/empty' },
      { path: '/nothing' },
      { headers: { Connection: 'close' } },
    ],
  },
  'targets that the access log has in another way': { asks: [{ path: '/a%2Fb' }, { path: '/?' }] },
  'a proxy on this machine is believed': { asks: [FORWARDED] },
  'no proxy is believed': { words: '--no-proxy-headers', asks: [FORWARDED] },
  'every proxy is believed': { words: '--forwarded-allow-ips *', asks: [FORWARDED] },
  'networks of proxies are believed': { words: '--forwarded-allow-ips 10.0.0.0/8,127.0.0.1', asks: [FORWARDED] },
  'another proxy is believed': { words: '--forwarded-allow-ips 192.0.2.1', asks: [FORWARDED] },
  'a variable says whom to believe': { env: { FORWARDED_ALLOW_IPS: '127.0.0.1,10.1.1.1' }, asks: [FORWARDED] },
  'a name is believed by nobody': { words: "--forwarded-allow-ips '*'", asks: [FORWARDED] },
  'a root path': { words: '--root-path /api/v1', asks: [{}, { path: '/x/y?z' }] },
  'headers of every response': { words: '--header X-A:b --header X-B:c:d', asks: [{}, { path: '/nothing' }] },
  'the server names itself': { words: '--server-header', asks: [{}] },
  'a factory': { words: '--factory' },
  'ASGI 2': { words: '--interface asgi2' },
  WSGI: { words: '--interface wsgi', asks: [{ path: '/a/b?c' }] },
  variables: {
    env: { UVICORN_ROOT_PATH: '/shop', UVICORN_HEADERS: 'X-A:b X-C:d', UVICORN_PROXY_HEADERS: 'off' },
    asks: [FORWARDED],
  },
  'a Unix socket': { words: '--uds SOCKET', asks: [{}, FORWARDED] },
  'a Unix socket, and every proxy is believed': { words: '--uds SOCKET --forwarded-allow-ips *', asks: [FORWARDED] },
}

const APPS: Readonly<Record<string, string>> = { 'a factory': 'make', 'ASGI 2': 'two', WSGI: 'wsgi' }

for (const [name, { words = '', env = {}, asks = [{}] }] of Object.entries(CASES))
  test(name, { skip: noPython }, async t => {
    const { python } = await ensureEnvironment({ python: 'newest', packages: 'uvicorn' })
    const app = `echo:${APPS[name] ?? 'app'}`
    const answers: unknown[] = []
    for (const program of ['uvicorn', 'jumak'] as const) {
      const socket = words.includes('SOCKET') ? join(temporaryDirectory(t), 's') : null
      const given = [
        ...words.replace('SOCKET', socket ?? '').split(' '),
        ...(socket === null ? ['--port', '0'] : []),
        app,
      ]
      const all = given.filter(word => word !== '')
      const started =
        program === 'jumak'
          ? jumak('uvicorn', all, python)
          : {
              command: python,
              words: ['-m', 'uvicorn', ...all],
              isReady: /running on (?:http:\/\/[^ ]*:(\d+)|unix socket)/,
              env: {},
            }
      const running = await start({ ...started, directory: HERE, env: { ...env, ...started.env } })
      try {
        const got: Answer[] = []
        for (const one of asks) got.push(await ask({ port: running.port, socket }, one))
        await running.stop()
        const lines = running.output.map(line => line.replace(/:\d+ - /, ':PORT - '))
        answers.push({ answers: got.map(one => comparable(one, name)), lines: isLogged(name, words) ? lines : [] })
      } finally {
        await running.stop()
      }
    }
    assert.deepEqual(answers[1], answers[0])
  })

/**
 * The access log has the target as the client sent it here; there decoded and encoded again, with the root path in front. Over a Unix socket there
 * is no client.
 */
function isLogged(name: string, words: string): boolean {
  return !/root-path|SOCKET/.test(words) && !/another way|^variables/.test(name)
}

/** Without what is known to differ. */
function comparable({ status, headers, content }: Answer, name: string): unknown {
  const kept = headers.filter(
    line =>
      !/^(?:date|connection|keep-alive|transfer-encoding|content-length): /.test(line) &&
      (name.includes('names itself') || !line.startsWith('server: ')),
  )
  if (!content.startsWith('{"content"')) return { status, headers: kept, content }
  const { scope, content: echoed } = JSON.parse(content)
  delete scope.raw_path
  delete scope.asgi.spec_version
  // The port of the connection, and of a socket its path.
  if (scope.client !== null && scope.client[1] !== 0) scope.client[1] = 'PORT'
  if (scope.server !== null) scope.server = [scope.server[1] === null ? 'SOCKET' : scope.server[0], 'PORT']
  // Jumak gives each request an id, and drops names with an underscore.
  const fields = scope.headers
    .filter(([field]: [string, string]) => field !== 'x-request-id' && !field.includes('_'))
    .map((field: string[]) => field.join(': '))
  return { status, headers: kept, scope: { ...scope, headers: fields.toSorted() }, echoed }
}

const EXITS: readonly (readonly [words: string, code: number])[] = [
  ['echo:app --prot 80', 2],
  ['echo:app --port x', 2],
  ['', 2],
  ['nowhere:app', 3],
  ['echo:nothing', 3],
  ['--version', 0],
  ['--help', 0],
]

for (const [words, code] of EXITS)
  test(`exit code of uvicorn ${words}`, { skip: noPython }, async () => {
    const { python } = await ensureEnvironment({ python: 'newest', packages: 'uvicorn' })
    const given = words.split(' ').filter(word => word !== '')
    const there = spawnSync(python, ['-m', 'uvicorn', ...given], { cwd: HERE })
    const here = spawnSync(join(ROOT, 'bin/jumak'), ['uvicorn', ...given], {
      cwd: HERE,
      env: { ...process.env, JUMAK_PYTHON: python },
    })
    assert.deepEqual([here.status, there.status], [code, code], `${here.stderr}\n${there.stderr}`)
  })
