/** CGI programs (RFC 3875): what they get and what they answer, those that misbehave, and a spawner that is killed. */
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { test } from 'node:test'
import { CGI_ARGS, cgiProject, spawnerOf } from '../support/cgi.ts'
import { hasEnded } from '../support/processes.ts'
import { RawClient, type RawResponse, withClient } from '../support/raw-client.ts'
import { type Server, startServer, until, untilAnswered } from '../support/server.ts'

function ask(server: Server, method: string, path: string, rest = '\r\n'): Promise<RawResponse> {
  return withClient(server.target, client =>
    client.send(`${method} ${path} HTTP/1.1\r\nHost: shop.test\r\n${rest}`).response(method),
  )
}

const get = (server: Server, path: string, ...headers: string[]): Promise<RawResponse> =>
  ask(server, 'GET', path, `${headers.map(line => `${line}\r\n`).join('')}\r\n`)

/** Variables, a line with the number of arguments, and the content. */
const ENV = '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\nARGUMENTS=$#\\nPWD=$(pwd)\\n"\nenv\necho --\ncat\n'

async function variables(response: Promise<RawResponse>): Promise<{ [name: string]: string | undefined }> {
  const { status, body } = await response
  assert.equal(status, 200)
  const [head = '', content = ''] = body.toString('latin1').split('\n--\n')
  const entries = head.split('\n').map(line => {
    const at = line.indexOf('=')
    return [line.slice(0, at), line.slice(at + 1)]
  })
  return { ...Object.fromEntries(entries), content }
}

const BAD: readonly (readonly [name: string, text: string, status: number, log: RegExp])[] = [
  ['none', 'exit 0', 502, /\/none\.sh: cgi: ended without a response/],
  ['code', 'exit 3', 502, /\/code\.sh: cgi: exited with code 3/],
  ['killed', 'kill -9 $$', 502, /\/killed\.sh: cgi: was killed by SIGKILL/],
  ['headless', 'echo hello; echo', 502, /\/headless\.sh: cgi: .*has no colon/],
  ['large', 'head -c 1000000 /dev/zero | tr "\\0" a', 502, /\/large\.sh: cgi: a head of more than 65536 bytes/],
  ['slow', 'echo $$ > "$DIR/pid"; sleep 60', 504, /\/slow\.sh: cgi: gave no response in time/],
  ['careful', 'echo careful >&2; echo Status: 200; echo', 200, /\/careful\.sh: cgi: says: careful/],
]

test('CGI: RFC 3875, and programs that misbehave', async t => {
  const project = cgiProject(
    t,
    {
      'env.sh': ENV,
      'deep/env.sh': ENV,
      'env.run': ENV,
      'status.sh': '#!/bin/sh\nprintf "Status: 404 Not here\\r\\nX-A: b\\r\\n\\r\\nnone"\n',
      'local.sh': '#!/bin/sh\nprintf "Location: /plain?x\\n\\n"\n',
      'private.sh': '#!/bin/sh\nprintf "Location: /private\\n\\n"\n',
      'away.sh': '#!/bin/sh\nprintf "Location: https://example.kr/\\n\\n"\n',
      'nph-x.sh': '#!/bin/sh\nprintf "HTTP/1.0 202 Taken\\r\\nX-A: b\\r\\n\\r\\nraw"\n',
      'parts.sh': '#!/bin/sh\nprintf "X-A: b\\n\\nfirst,"; read x < "$DIR/gate"; printf "$x"\n',
      'leaves.sh': '#!/bin/sh\nsleep 60 &\nprintf "X-A: b\\n\\n$!"\n',
      'after.sh': '#!/bin/sh\nprintf "X-A: b\\n\\nall"; exec >&-; echo $$ > "$DIR/after"\n',
      'no-line': 'no program',
      '.hidden.sh': ENV,
      'open.sh': ENV,
      'plain.sh': ENV,
      ...Object.fromEntries(BAD.map(([name, text]) => [`${name}.sh`, `#!/bin/sh\n${text}\n`])),
    },
    `cgi-processes = 4
[[site]]
names = ["shop.test"]
root = "public"
cgi-env = ["JT_SEEN"]
cgi-interpreters = { ".run" = "/bin/sh" }
cgi-params = { DIR = "${'$'}document_root/../shared", APP = "test" }
locations = [
  { match = "/cgi-bin/", cgi = "cgi-bin" },
  { match = "/slow/", cgi = "cgi-bin", proxy-read-timeout = "300ms" },
  { match = "/one", cgi = "cgi-bin/env.sh" },
  { match = "/plain", return = "200 plain" },
  { match = "/private", internal = true, return = "200 secret" },
]
`,
    { 'public/a.txt': 'a file', 'outside.sh': ENV },
  )
  mkdirSync(project.path('shared'))
  chmodSync(project.path('shared'), 0o777)
  chmodSync(project.path('outside.sh'), 0o755)
  chmodSync(project.path('cgi-bin/deep'), 0o755)
  for (const name of ['plain.sh', 'env.run']) chmodSync(project.path(`cgi-bin/${name}`), 0o644)
  chmodSync(project.path('cgi-bin/open.sh'), 0o757)
  symlinkSync('env.sh', project.path('cgi-bin/link.sh'))
  symlinkSync('../outside.sh', project.path('cgi-bin/out.sh'))
  execFileSync('mkfifo', ['-m', '666', project.path('shared/gate')])
  const server = await startServer({
    directory: project.directory,
    args: CGI_ARGS,
    env: { JT_SEEN: 'yes', JT_HIDDEN: 'no' },
  })
  const shared = (name: string): number => {
    try {
      return Number(readFileSync(project.path(`shared/${name}`), 'utf8'))
    } catch {
      return 0
    }
  }

  await t.test('variables (RFC3875§4.1)', async () => {
    const all = await variables(
      get(
        server,
        '/cgi-bin/env.sh/a%20b/c?x=1&y',
        'Proxy: evil',
        'X-Own: theirs',
        'X-Forwarded-For: 6.6.6.6',
        'Accept: a',
        'Accept: b',
      ),
    )
    const expected = {
      // §4.1.5, §4.1.6: decoded; below the directory of files.
      PATH_INFO: '/a b/c',
      PATH_TRANSLATED: project.path('public/a b/c'),
      SCRIPT_NAME: '/cgi-bin/env.sh',
      SCRIPT_FILENAME: project.path('cgi-bin/env.sh'),
      // §4.1.7, §4.4: never arguments.
      QUERY_STRING: 'x=1&y',
      ARGUMENTS: '0',
      REQUEST_METHOD: 'GET',
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_NAME: 'shop.test',
      SERVER_PORT: String(server.programPort),
      // §4.1.8, §4.1.9: as the trusted proxy on this machine says.
      REMOTE_ADDR: '6.6.6.6',
      REMOTE_HOST: '6.6.6.6',
      HTTP_HOST: 'shop.test',
      // §4.1.18: repeated fields are one variable.
      HTTP_ACCEPT: 'a,b',
      HTTP_X_OWN: 'theirs',
      HTTP_PROXY: undefined,
      HTTP_X_FORWARDED_FOR: undefined,
      // §4.1.2, §4.1.3: no content.
      CONTENT_LENGTH: undefined,
      CONTENT_TYPE: undefined,
      AUTH_TYPE: undefined,
      REMOTE_USER: undefined,
      APP: 'test',
      JT_SEEN: 'yes',
      JT_HIDDEN: undefined,
      JUMAK_PROGRAM: undefined,
      JUMAK_BELOW: undefined,
      // §7.2: where the program is.
      PWD: project.path('cgi-bin'),
      content: '',
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(all[name], value, name)
    assert.equal((await variables(get(server, '/cgi-bin/env.sh?a+b')))['ARGUMENTS'], '0')
  })

  await t.test('which program, and what is left of the path', async () => {
    for (const [path, script, info] of [
      ['/cgi-bin/deep/env.sh', '/cgi-bin/deep/env.sh', undefined],
      ['/cgi-bin/link.sh/', '/cgi-bin/link.sh', '/'],
      ['/cgi-bin/env.run/x', '/cgi-bin/env.run', '/x'],
      ['/one', '/one', undefined],
      ['/one/a/b', '/one', '/a/b'],
    ] as const) {
      const found = await variables(get(server, path))
      assert.deepEqual([found['SCRIPT_NAME'], found['PATH_INFO']], [script, info], path)
    }
    for (const path of ['missing.sh', '', 'deep/', '.hidden.sh', 'out.sh', 'deep/../../outside.sh'])
      assert.equal((await get(server, `/cgi-bin/${path}`)).status, 404, path)
    assert.equal((await get(server, '/oneself')).status, 404)
    server.expectLog(
      /plain\.sh is not run: it is not executable/,
      /open\.sh is not run: everybody may write/,
      /no-line cannot be run: it has no #! line/,
    )
    assert.equal((await get(server, '/cgi-bin/plain.sh')).status, 403)
    assert.equal((await get(server, '/cgi-bin/open.sh')).status, 403)
    assert.equal((await get(server, '/cgi-bin/no-line')).status, 502)
  })

  await t.test('content (RFC3875§4.2): with its length, though it came in chunks', async () => {
    const fields = 'Content-Type: text/plain\r\n'
    const posted = await variables(ask(server, 'POST', '/cgi-bin/env.sh', `${fields}Content-Length: 5\r\n\r\nhello`))
    assert.deepEqual(
      [posted['content'], posted['CONTENT_LENGTH'], posted['CONTENT_TYPE']],
      ['hello', '5', 'text/plain'],
    )
    const large = 'x'.repeat(300_000)
    const chunked = await variables(
      ask(server, 'POST', '/cgi-bin/env.sh', `Transfer-Encoding: chunked\r\n\r\n493e0\r\n${large}\r\n0\r\n\r\n`),
    )
    assert.deepEqual([chunked['content'] === large, chunked['CONTENT_LENGTH']], [true, '300000'])
    // §4.2: a program need not read it.
    assert.equal(
      (await ask(server, 'POST', '/cgi-bin/status.sh', `Content-Length: 300000\r\n\r\n${large}`)).status,
      404,
    )
  })

  await t.test('responses (RFC3875§6)', async () => {
    const stated = await get(server, '/cgi-bin/status.sh')
    assert.deepEqual(
      [stated.status, stated.reason, stated.header('x-a'), stated.header('status')],
      [404, 'Not here', 'b', undefined],
    )
    assert.equal(stated.body.toString(), 'none')
    // §6.2.2: the site answers in its place, and keeps what is internal.
    assert.equal((await get(server, '/cgi-bin/local.sh')).body.toString(), 'plain')
    assert.equal((await get(server, '/cgi-bin/private.sh')).status, 404)
    const away = await get(server, '/cgi-bin/away.sh')
    assert.deepEqual([away.status, away.header('location')], [302, 'https://example.kr/'])
    // §5: non-parsed headers. §4.3.3: HEAD has no content.
    const raw = await get(server, '/cgi-bin/nph-x.sh')
    assert.deepEqual([raw.status, raw.header('x-a'), raw.body.toString()], [202, 'b', 'raw'])
    assert.equal((await ask(server, 'HEAD', '/cgi-bin/status.sh')).body.length, 0)
    assert.equal((await get(server, '/cgi-bin/after.sh')).body.toString(), 'all')
    await until(
      () => shared('after') > 0,
      () => 'a program that has ended its output was ended',
    )
  })

  await t.test('output is streamed; a client that goes ends the whole group', async () => {
    await withClient(server.target, async client => {
      await client.get('/cgi-bin/parts.sh').readUntil('first,')
      const gate = openSync(project.path('shared/gate'), 'w')
      writeSync(gate, 'second\n')
      closeSync(gate)
      await client.readUntil('second')
    })
    const client = new RawClient(server.target)
    writeFileSync(
      project.path('cgi-bin/gone.sh'),
      '#!/bin/sh\nprintf "A: b\\n\\n"; sleep 60 & echo $! > "$DIR/gone"; printf x; wait\n',
    )
    chmodSync(project.path('cgi-bin/gone.sh'), 0o755)
    await client.get('/cgi-bin/gone.sh').readUntil('x')
    client.socket.resetAndDestroy()
    await until(
      () => hasEnded(shared('gone')),
      () => 'a process of a group outlives its client',
    )
  })

  await t.test('programs that misbehave hurt nobody else', async () => {
    server.expectLog(...BAD.map(([, , , log]) => log))
    const answers = await Promise.all(
      BAD.map(([name]) => get(server, `/${name === 'slow' ? 'slow' : 'cgi-bin'}/${name}.sh`)),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      BAD.map(([, , status]) => status),
    )
    await until(
      () => hasEnded(shared('pid')),
      () => 'a program outlives its time-out',
    )
    const left = Number((await get(server, '/cgi-bin/leaves.sh')).body.toString())
    await until(
      () => hasEnded(left),
      () => 'what a program left in its group runs on',
    )
  })
  server.mayLog(/cgi: ended without a response/, /cgi: ended within the head/)
  const spawner = spawnerOf(server)!
  await server.stop()
  assert.ok(hasEnded(spawner))
})

test('CGI: who waits, and a spawner that is killed', async t => {
  const config = (timeout: string) => `cgi-processes = 1
cgi-queue-timeout = "${timeout}"
[[site]]
cgi = "cgi-bin"
cgi-params = { DIR = "${shared}" }
locations = [{ match = "/version", return = "200 ${timeout}" }]
`
  const hold = '#!/bin/sh\nprintf "A: b\\n\\nrun"; echo $$ > "$DIR/pid"; read x < "$DIR/gate"; printf "$x"\n'
  let shared = ''
  const project = cgiProject(t, { 'hold.sh': hold, 'env.sh': ENV }, '')
  shared = project.path('shared')
  mkdirSync(shared)
  chmodSync(shared, 0o777)
  execFileSync('mkfifo', ['-m', '666', project.path('shared/gate')])
  project.save('jumak.toml', '[[site]]\nreturn = "200 none"\n')
  const server = await startServer({ directory: project.directory, args: CGI_ARGS })
  const reload = async (timeout: string): Promise<void> => {
    project.save('jumak.toml', config(timeout))
    server.signal('SIGHUP')
    await untilAnswered(server, '/version', timeout)
  }
  assert.equal((await get(server, '/env.sh')).body.toString(), 'none')
  assert.equal(spawnerOf(server), undefined)
  // The first programs come with a reload.
  await reload('1m')
  server.expectLog(
    /\/env\.sh: cgi: it waited too long for its turn/,
    /spawner of CGI programs was killed by SIGKILL/,
    /\/hold\.sh: cgi: the response was cut/,
  )
  // A slow client holds no program.
  await withClient(server.target, async slow => {
    slow.send('POST /env.sh HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nabc')
    assert.equal((await get(server, '/env.sh')).status, 200)
    assert.equal((await slow.send('de').response('POST')).status, 200)
  })
  await withClient(server.target, async first => {
    await first.get('/hold.sh').readUntil('run')
    await reload('300ms')
    const refused = await get(server, '/env.sh')
    assert.deepEqual([refused.status, refused.header('retry-after')], [503, '5'])
    await reload('1m')
    // It waits in the queue, which the master holds.
    const waiting = get(server, '/env.sh')
    process.kill(spawnerOf(server)!, 'SIGKILL')
    await assert.rejects(first.response('GET'))
    assert.equal((await waiting).status, 200)
    const pid = Number(readFileSync(project.path('shared/pid'), 'utf8'))
    await until(
      () => hasEnded(pid),
      () => 'a program outlives its spawner',
    )
  })
  await server.stop()
})

const GIT = spawnSync('git', ['--exec-path'], { encoding: 'utf8' }).stdout?.trim() ?? ''
const BACKEND = `${GIT}/git-http-backend`

test('git-http-backend: clone and push', {
  skip: existsSync(BACKEND) ? false : 'git-http-backend is not installed',
}, async t => {
  const project = cgiProject(t, {}, '')
  project.save(
    'jumak.toml',
    `[[site]]
locations = [{ match = "/git/", cgi = "${BACKEND}", cgi-params = { GIT_PROJECT_ROOT = "${project.path('repositories')}", GIT_HTTP_EXPORT_ALL = "1" } }]
`,
  )
  const git = (...words: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const env = { ...process.env, HOME: project.directory, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' }
      const own = ['-c', 'user.name=t', '-c', 'user.email=t@example.kr', ...words]
      execFile('git', own, { cwd: project.directory, env }, (error, output, errors) =>
        error === null ? resolve(output) : reject(new Error(`${words.join(' ')}: ${errors}`)),
      )
    })
  await git('init', '-q', '--bare', 'repositories/shop.git')
  await git('-C', 'repositories/shop.git', 'config', 'http.receivepack', 'true')
  if (process.getuid?.() === 0) execFileSync('chown', ['-R', 'nobody', project.path('repositories')])
  const server = await startServer({ directory: project.directory, args: CGI_ARGS })
  const url = `${server.url}/git/shop.git`
  await git('clone', '-q', url, 'first')
  project.save('first/a.txt', 'x'.repeat(100_000))
  await git('-C', 'first', 'add', '.')
  await git('-C', 'first', 'commit', '-qm', 'one')
  await git('-C', 'first', 'push', '-q', 'origin', 'HEAD:main')
  await git('clone', '-q', '-b', 'main', url, 'second')
  assert.equal(readFileSync(project.path('second/a.txt'), 'utf8').length, 100_000)
  await server.stop()
})
