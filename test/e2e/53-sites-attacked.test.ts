/** What a client may try with the paths of sites: to leave a directory, to end a header, to send others elsewhere. */
import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

const SECRET = 'nobody may read this'

const SITES = `
[[site]]
names = ["~^(?<who>.+)\\\\.test$"]
root = "public"
locations = [
  { match = "/alias/", alias = "files/deep/" },
  { match = "/noslash", alias = "files/deep" },
  { match = "~ ^/captured/(.+)$", alias = "captured/$1" },
  { match = "/args/", root = "public", try-files = ["/$arg_file", "$uri", "=404"] },
  { match = "/host/", root = "hosts/$who", try-files = ["/page.html", "=404"] },
  { match = "/header/", root = "hosts/$http_x_name" },
  { match = "~ ^/go/(.*)$", return = "301 /to/$1" },
  { match = "~ ^/any(?<rest>.*)$", return = "302 $rest" },
  { match = "~ ^/raw/([^?]*)$", return = "301 https://$host/$1" },
  { match = "/add/", root = "public", add-headers-always = { X-Uri = "$uri", X-Arg = "$arg_x" } },
]
rewrites = [
  { from = "^/rewritten/(.*)$", to = "/$1", flag = "last" },
  { from = "^/decoded/(.*)$", to = "/alias/$1", flag = "last" },
]
`
const FILES = {
  'jumak.toml': SITES,
  'secret.txt': SECRET,
  'public-secret/secret.txt': SECRET,
  'public/index.html': 'home',
  'public/.env': SECRET,
  'public/.git/config': SECRET,
  'files/deep/index.html': 'deep',
  'captured/deep/x.txt': 'x',
  'files/deep-secret/secret.txt': SECRET,
  'files/deepsecret.txt': SECRET,
  'hosts/a/page.html': 'page of a',
} as const

const UP = [
  '..',
  '%2e%2e',
  '%2E.',
  '.%2e',
  '%252e%252e',
  '..%00',
  '%c0%ae%c0%ae',
  '..%5c',
  '..\\\\',
  '...',
  '.%00.',
  '..;',
]
const SLASH = ['/', '%2f', '%5c', '//', '/./', '%252f']
const PLACES = [
  '',
  'alias',
  'noslash',
  'captured',
  'captured/deep',
  'rewritten',
  'rewritten/alias',
  'decoded',
  'add',
  'header',
]
const NAMES = ['secret.txt', 'public-secret/secret.txt', 'jumak.toml', '.env', '.git/config', 'deep-secret/secret.txt']

function* targets(): Generator<string> {
  for (const place of PLACES)
    for (const up of UP)
      for (const slash of SLASH)
        for (const name of NAMES) yield `/${place}${place === '' ? '' : slash}${up}${slash}${name}`
  for (const place of PLACES)
    for (const name of [
      '.env',
      '.git/config',
      '%2eenv',
      '%2Egit%2Fconfig',
      '../secret.txt',
      '-secret/secret.txt',
      'secret.txt',
      '%2e%2e/secret.txt',
      'link/secret.txt',
      'link',
    ])
      for (const joint of ['', '/']) yield `/${place}${joint}${name}`
  for (const file of [
    '../secret.txt',
    '..%2fsecret.txt',
    '/../secret.txt',
    '.env',
    'deep/../../secret.txt',
    '%2e%2e%2fsecret.txt',
    'link/secret.txt',
  ])
    yield `/args/x?file=${file}`
}

test('no path leads to a file outside of its directory, or to a hidden one', async t => {
  const project = new Project(t, FILES)
  symlinkSync(project.directory, project.path('public/link'))
  const server = await startServer({ directory: project.directory })
  server.mayLog(/ warn {2}gateway /)
  const client = new RawClient(server.target)
  let count = 0
  for (const target of targets()) {
    client.send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nX-Name: ../public-secret\r\n\r\n`)
    const response = await client.response()
    const body = response.body.toString()
    assert.ok(!body.includes(SECRET) && !body.includes('[[site]]'), target)
    count++
  }
  assert.ok(count > 4000, String(count))
  client.socket.destroy()
  await server.stop()
})

test('a host and a header in the name of a directory lead to no other one', async t => {
  const project = new Project(t, { ...FILES, 'page.html': SECRET })
  const server = await startServer({ directory: project.directory })
  server.mayLog(/ warn {2}gateway /)
  const ask = async (host: string, more = '') => {
    const client = new RawClient(server.target).send(`GET /host/ HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`)
    const response = await client.response()
    client.socket.destroy()
    return response
  }
  assert.equal((await ask('a.test')).body.toString(), 'page of a')
  for (const host of ['...test', '.test', '%2e%2e.test', '..%2f.test', 'b.test'])
    assert.ok(!(await ask(host)).body.toString().includes(SECRET), host)
  await server.stop()
})

test('no path ends a header, or sends a client to another host', async t => {
  const project = new Project(t, FILES)
  const server = await startServer({ directory: project.directory })
  server.mayLog(/ warn {2}gateway /)
  for (const [target, location] of [
    ['/go/%0d%0aSet-Cookie:%20a=b', undefined],
    ['/raw/%0d%0aSet-Cookie:%20a=b', 'https://a.test/%0D%0ASet-Cookie:%20a=b'],
    ['/go/%20x', '/to/%20x'],
    ['/any/%2f%2fevil.test/', '/evil.test/'],
    ['/any//evil.test', '/evil.test'],
    ['/any%5c%5cevil.test', '%5C%5Cevil.test'],
    ['/go/%c3%a9', '/to/%C3%A9'],
  ] as const) {
    const client = new RawClient(server.target).send(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    const response = await client.response()
    client.socket.destroy()
    assert.equal(response.header('set-cookie'), undefined, target)
    assert.equal(response.header('location'), location, target)
  }
  const client = new RawClient(server.target)
  client.send('GET /add/%0d%0aX-Evil:%201?x=%0d%0aX-Evil:1 HTTP/1.1\r\nHost: a.test\r\n\r\n')
  const response = await client.response()
  client.socket.destroy()
  assert.equal(response.header('x-evil'), undefined)
  assert.equal(response.header('x-uri'), '/add/%0D%0AX-Evil: 1')
  assert.equal(response.header('x-arg'), '%0d%0aX-Evil:1')
  await server.stop()
})
