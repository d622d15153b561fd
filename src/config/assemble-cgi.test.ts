/** CGI programs from a file: where they stand, what a location inherits, and each mistake with its place. */
import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loaded, told } from './testing/applications.ts'

// What a group may write to is refused.
process.umask(0o022)

const FILES = { 'cgi-bin/run': '', 'tool/run': '' }
const USER = 'user = "www-data"\n'

test('a directory, one program, and what a location inherits', t => {
  const { config, environment } = loaded(
    t,
    `${USER}cgi-processes = 3
cgi-queue-timeout = "5s"
[[site]]
cgi-interpreters = { ".pl" = "/usr/bin/perl" }
disable-symlinks = "on"
locations = [
  { match = "/cgi-bin/", cgi = "cgi-bin" },
  { match = "= /run", cgi = "tool/run", cgi-env = ["HOME"], disable-symlinks = "off", root = "." },
  { match = '~ \\.cgi$', cgi = "cgi-bin" },
  { match = "/same/", cgi = "cgi-bin" },
]
`,
    { files: FILES },
  )
  const { sites, upstreams, cgiPrograms } = config.sites
  const [directory, one, pattern, same] = sites[0]!.locations.map(({ handler }) => handler)
  assert.ok(directory?.kind === 'cgi' && one?.kind === 'cgi' && pattern?.kind === 'cgi' && same?.kind === 'cgi')
  assert.deepEqual([directory.prefix, one.prefix, pattern.prefix], ['/cgi-bin', '/run', ''])
  assert.equal(directory.program, same.program)
  const uid = process.getuid!()
  const found = cgiPrograms.map(({ key: _, path, ...rest }) => ({ path: path.slice(environment.cwd.length), ...rest }))
  const perl = { '.pl': '/usr/bin/perl' }
  const owners = [...new Set([0, uid])]
  assert.deepEqual(found, [
    {
      path: '/cgi-bin',
      isDirectory: true,
      links: 'off-limits',
      mayBeWritable: false,
      owners,
      interpreters: perl,
      variables: [],
    },
    {
      path: '/tool/run',
      isDirectory: false,
      links: 'followed',
      mayBeWritable: false,
      owners,
      interpreters: perl,
      variables: ['HOME'],
    },
  ])
  assert.deepEqual(
    upstreams.map(({ name, protocol, queueTimeout }) => [name, protocol, queueTimeout]),
    [['cgi://', 'cgi', 5000]],
  )
  assert.equal(config.cgi.processes, 3)
})

test('--cgi is the simplest site, and needs no application', t => {
  const { config } = loaded(t, '', { words: ['--cgi', 'cgi-bin', '--cgi-user', 'www-data'], files: FILES })
  assert.equal(config.apps.length, 0)
  assert.deepEqual([config.sites.sites.length, config.sites.cgiPrograms.length], [1, 1])
  assert.equal(config.cgi.identity?.userName, 'www-data')
})

test('each mistake is told where it stands', t => {
  const location = (words: string) => `[[site]]\nlocations = [{ match = "/x/", ${words} }]\n`
  for (const [toml, problem] of [
    [location('cgi = "cgi-bin"'), /:2:\d+: cgi is for programs, which never run as root: name another user/],
    [USER + location('cgi = "missing"'), /:3:\d+: cgi names \.\/missing, which is not there/],
    [USER + location('cgi = "/dev/null"'), /which is neither a file nor a directory/],
    [USER + location('cgi = "$host/cgi-bin"'), /must be a path without variables/],
    [USER + location('cgi = "cgi-bin", app = "shop"'), /has one of app, .*and this has app and cgi/],
    [USER + location('cgi = "cgi-bin", cgi-interpreters = { ".pl" = "perl" }'), /must have absolute paths/],
    [USER + location('cgi = "cgi-bin", cgi-interpreters = { pl = "/x" }'), /must have extensions with their dot/],
    [USER + location('cgi = "cgi-bin", cgi-params = { JUMAK_PROGRAM = "x" }'), /those with JUMAK_ are our own/],
    [USER + location('cgi = "cgi-bin", cgi-env = ["A B"]'), /must be the name of an environment variable/],
  ] as const)
    assert.ok(
      told(t, toml, { files: FILES }).some(message => problem.test(message)),
      `${toml}${told(t, toml, { files: FILES }).join('\n')}`,
    )
})

test('what others may write to is refused unless said twice', t => {
  const { environment } = loaded(t, USER, { files: { ...FILES, 'app.py': 'app = 1' } })
  const directory = join(environment.cwd, 'cgi-bin')
  const toml = (more: string) => `${USER}[[site]]\ncgi = "${directory}"\n${more}`
  for (const [mode, who] of [
    [0o777, 'everybody'],
    [0o775, 'its group'],
  ] as const) {
    chmodSync(directory, mode)
    assert.match(told(t, toml(''))[0]!, new RegExp(`${who} may write to it.*chmod go-w.*cgi-allow-writable = true`))
  }
  assert.equal(loaded(t, toml('cgi-allow-writable = true')).config.sites.cgiPrograms[0]!.mayBeWritable, true)
})

test('settings of CGI do nothing elsewhere', t => {
  const { warnings } = loaded(
    t,
    '[[site]]\nroot = "."\nlocations = [{ match = "/x/", return = "200 x", cgi-env = ["A"], cgi-params = { A = "b" } }]\n',
  )
  assert.equal(
    warnings.filter(line => /cgi-(?:env|params) does nothing in a location without cgi/.test(line)).length,
    2,
  )
})
