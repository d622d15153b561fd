/**
 * The real gunicorn beside `jumak gunicorn`. What is known to differ, and is told in `docs/how-to/from-gunicorn.md`, is taken out of both answers
 * (`comparable`); a number that may not be is 2 here, and 1 there. Not compared: options that only their effect over time would show (timeouts, recycling), users, and TLS.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { temporaryDirectory } from '../support/project.ts'
import { type Answer, type Ask, ask, jumak, start } from './pair.ts'

const noPython = await whyNoPython()

interface Case {
  readonly words?: string
  readonly env?: Readonly<Record<string, string>>
  /** `gunicorn.conf.py` of the directory. */
  readonly file?: string
  readonly app?: string
  readonly asks?: readonly Ask[]
  /** A file that both write: its lines are compared. */
  readonly written?: string
}

const FORWARDED: readonly Ask[] = [
  { headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'https' } },
  { headers: { 'X-Forwarded-Proto': 'http' } },
  { headers: { 'X-Forwarded-Ssl': 'on' } },
  { headers: { 'X-Forwarded-Protocol': 'ssl' } },
  { headers: { 'X-Forwarded-Host': 'other.test', 'X-Forwarded-Port': '8443', 'X-Forwarded-Prefix': '/p' } },
  { headers: { 'X-Forwarded-Ssl': 'on', 'X-Forwarded-Proto': 'http' } },
]
const LOG = '--access-logfile - --access-logformat'

const CASES: Readonly<Record<string, Case>> = {
  'requests of all kinds': {
    words: '--access-logfile -',
    asks: [
      { path: '/a%20b/%C3%BC/x?q=1&r=%20' },
      { path: '//two//slashes/../up' },
      { path: '/?' },
      { method: 'POST', content: 'some content', headers: { 'Content-Length': '12', 'Content-Type': 'text/x' } },
      { method: 'PUT', content: 'in pieces', headers: { 'Transfer-Encoding': 'chunked' } },
      { method: 'HEAD' },
      { method: 'PROPFIND', path: '/dav' },
      { headers: { 'X-Mixed-Case': 'A', 'X-Twice': ['1', '2'], Cookie: 'a=1; b=2', 'X-Under_Score': '1' } },
      { headers: { Authorization: 'Basic dTpw', Referer: 'r"r', 'User-Agent': 'me "x"' } },
      { path: '/empty' },
      { path: '/nothing' },
    ],
  },
  'threads and workers': { words: '--threads 2 -w 2' },
  'a proxy on this machine is believed': { asks: FORWARDED },
  'every proxy is believed': { words: '--forwarded-allow-ips=*', asks: FORWARDED },
  'another proxy is believed': { words: '--forwarded-allow-ips 192.0.2.1', asks: FORWARDED },
  'networks of proxies are believed': { words: '--forwarded-allow-ips 10.0.0.0/8,127.0.0.0/8', asks: FORWARDED },
  'a variable says whom to believe': { env: { FORWARDED_ALLOW_IPS: '192.0.2.1' }, asks: FORWARDED },
  'the file says which headers mean https': {
    file: 'secure_scheme_headers = {"X-FORWARDED-SSL": "on"}\n',
    asks: FORWARDED,
  },
  'headers with an underscore mean nothing': {
    file: 'secure_scheme_headers = {"X-FORWARDED_PROTO": "https", "X-FORWARDED-SSL": "on"}\n',
    asks: FORWARDED,
  },
  'no header means https': { file: 'secure_scheme_headers = {}\n', asks: FORWARDED },
  'a Unix socket': { words: '--bind unix:SOCKET', asks: [{}, ...FORWARDED] },
  'a Unix socket with a mask': { words: '--bind unix:SOCKET --umask 027' },
  'an access log with other atoms': {
    words: `${LOG} %(h)s|%(l)s|%(u)s|%(r)s|%(m)s|%(q)s|%(H)s|%(s)s|%(f)s|%(a)s|%({x-a}i)s|%({Content-Type}o)s|%(zz)s|%%`,
    asks: [{ path: '/x?y', headers: { 'X-A': '1', Authorization: 'Basic dTpw' } }, { path: '/empty' }],
  },
  'an access log with variables of the environ': {
    words: `${LOG} %({REQUEST_METHOD}e)s|%({HTTP_X_A}e)s|%({QUERY_STRING}e)s`,
    asks: [{ path: '/x?y', headers: { 'X-A': '1' } }],
  },
  'a path in front': { env: { SCRIPT_NAME: '/shop' }, asks: [{ path: '/shop' }, { path: '/shop/a?b' }] },
  'variables for the application': { words: '-e GREETING=a=b --env STAGE=' },
  'words in GUNICORN_CMD_ARGS': {
    env: { GUNICORN_CMD_ARGS: '-e "GREETING=hello there" --threads 2' },
    words: '-e STAGE=1',
  },
  'the file, below the words': {
    file: 'raw_env = ["GREETING=file", "STAGE=file"]\nthreads = 2\nworkers = 2\nown = 1\n',
    words: '-w 1',
  },
  'a class of loggers that leaves out health checks, and changes atoms': {
    file: `
from gunicorn import glogging
class Quiet(glogging.Logger):
    def access(self, resp, req, environ, request_time):
        if req.path != "/health":
            super().access(resp, req, environ, request_time)
    def atoms(self, resp, req, environ, request_time):
        atoms = super().atoms(resp, req, environ, request_time)
        return {**atoms, "q": "***", "zone": "eu"}
logger_class = Quiet
accesslog = "access.log"
access_log_format = '%(m)s %(U)s %(q)s %(s)s %(zone)s %({x-a}i)s %({content-type}o)s %({raw_uri}e)s %({gone}i)s'
`,
    asks: [{ path: '/a?secret', headers: { 'X-A': '"1"' } }, { path: '/health' }, { path: '/empty' }],
    written: 'access.log',
  },
  'a class of loggers in a module, with a filter': {
    words: '--logger-class quiet.Quiet --access-logfile access.log --access-logformat %(r)s',
    asks: [{ path: '/a' }, { path: '/health' }],
    written: 'access.log',
  },
  'a named file, and none': { file: 'threads = 2\n', words: '-c /dev/null' },
  'a file as a module': { file: 'threads = 2\n', words: '--config python:other_conf' },
  'the file names the application': { file: 'wsgi_app = "environ:make(1)"\n', app: '' },
  'a factory with arguments': { app: 'environ:make("a:b(", [1, None], x={"y": True})' },
  'a directory, and a path of imports': { words: '--chdir below --pythonpath extra' },
  'methods of all kinds': {
    words: '--permit-unconventional-http-method',
    asks: [{ method: 'X' }, { method: 'A#B' }, { method: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' }],
  },
  'a file of PasteDeploy, with variables': {
    words: '--paste shop.ini --paste-global stage=a=b --paste-global own\\=er=kim',
    app: '',
  },
  'a section of a file of PasteDeploy, and a directory': { words: '--paste shop.ini#other --chdir below', app: '' },
  'a file of PasteDeploy wins over a word': { words: '--paste=shop.ini', app: 'nowhere:app' },
  'few header fields': {
    words: '--limit-request-fields 3',
    asks: [{}, { headers: { A: '1', B: '2', C: '3', D: '4' } }],
  },
}

for (const [name, { words = '', env = {}, file, app = 'environ', asks = [{}], written }] of Object.entries(CASES))
  test(name, { skip: noPython }, async t => {
    const { python } = await ensureEnvironment({ python: 'newest', packages: 'gunicorn' })
    const seen: unknown[] = []
    for (const program of ['gunicorn', 'jumak'] as const) {
      const directory = prepare(temporaryDirectory(t), file)
      const socket = words.includes('SOCKET') ? join(directory, 's') : null
      const given = [
        ...words.replace('SOCKET', socket ?? '').split(' '),
        ...(socket === null ? ['-b', '127.0.0.1:0'] : []),
        app,
      ].filter(word => word !== '')
      const started =
        program === 'jumak'
          ? jumak('gunicorn', given, python)
          : {
              command: python,
              words: ['-m', 'gunicorn', '--no-control-socket', ...given],
              isReady: /Listening at: (?:http:\/\/[^ ]*:(\d+)|unix:)/,
              env: {},
            }
      const running = await start({ ...started, directory, env: { ...env, ...started.env } })
      try {
        const got: Answer[] = []
        for (const one of asks) got.push(await ask({ port: running.port, socket }, one))
        const mode = socket === null ? null : statSync(socket).mode & 0o777
        await running.stop()
        const lines = running.output.map(line => line.replace(/\[[^\]]+\]/, '[TIME]').replace(/ \d+ (?="r?)/, ' SIZE '))
        const inFile = written === undefined ? null : readFileSync(join(directory, written), 'utf8')
        seen.push({ answers: got.map(comparable), mode, lines, written: inFile })
      } finally {
        await running.stop()
      }
    }
    assert.deepEqual(seen[1], seen[0])
  })

const QUIET = `
import logging
from gunicorn import glogging
class Quiet(glogging.Logger):
    def setup(self, cfg):
        super().setup(cfg)
        self.access_log.addFilter(lambda record: "/health" not in record.getMessage())
`

/** Both read no `[server:main]`. */
const PASTE = `
[DEFAULT]
stage = default
region = kr
[app:main]
paste.app_factory = environ:paste
colour = %(region)s-green
[app:other]
use = main
set region = br
[server:main]
use = egg:gunicorn#main
workers = 3
threads = 4
`

function prepare(directory: string, file: string | undefined): string {
  copyFileSync(join(import.meta.dirname, 'environ.py'), join(directory, 'environ.py'))
  for (const below of ['below', 'below/extra']) mkdirSync(join(directory, below))
  copyFileSync(join(directory, 'environ.py'), join(directory, 'below/environ.py'))
  if (file !== undefined) writeFileSync(join(directory, 'gunicorn.conf.py'), file)
  writeFileSync(join(directory, 'quiet.py'), QUIET)
  writeFileSync(join(directory, 'shop.ini'), PASTE)
  writeFileSync(join(directory, 'other_conf.py'), 'raw_env = ["STAGE=module"]\n')
  return directory
}

/** Ours besides gunicorn's, and what each has of its own. */
const OWN = [
  // Content comes as a whole, so its length is known.
  'CONTENT_LENGTH',
  'HTTP_TRANSFER_ENCODING',
  'HTTPS',
  'HTTP_X_REQUEST_ID',
  'REQUEST_URI',
  'SERVER_SOFTWARE',
  'SERVER_PORT',
  'REMOTE_PORT',
]

/** Without what is known to differ. Of an answer that is not the application's only the status counts. */
function comparable({ status, headers, content }: Answer): unknown {
  if (!headers.some(line => line === 'x-own: 1')) return { status }
  const kept = headers.filter(
    line => !/^(?:date|connection|keep-alive|transfer-encoding|content-length|server): /.test(line),
  )
  if (content === '') return { status, headers: kept }
  const told = JSON.parse(content)
  for (const name of OWN) delete told.environ[name]
  return { status, headers: kept, told }
}

const EXITS: readonly (readonly [words: string, code: number])[] = [
  ['--nope environ', 2],
  ['-w x environ', 2],
  ['--timeout', 2],
  ['--work 3 environ', 2],
  ['', 1],
  ['-c nowhere.py environ', 1],
  ['--chdir nowhere environ', 1],
  ['--user nobody-here environ', 1],
  ['--access-logfile nowhere/x -b 127.0.0.1:0 environ', 1],
  ['-b 127.0.0.1:0 nowhere', 3],
  ['--paste nowhere.ini', 1],
  ['--check-config --paste shop.ini', 0],
  ['--check-config --paste shop.ini#nothing', 1],
  ['--check-config environ', 0],
  ['--check-config nowhere', 1],
  ['--check-config environ:nothing', 1],
  ['--version', 0],
  ['--help', 0],
]

for (const [words, code] of EXITS)
  test(`exit code of gunicorn ${words}`, { skip: noPython }, async t => {
    const { python } = await ensureEnvironment({ python: 'newest', packages: 'gunicorn' })
    const cwd = prepare(temporaryDirectory(t), undefined)
    const given = words.split(' ').filter(word => word !== '')
    const there = spawnSync(python, ['-m', 'gunicorn', ...given], { cwd })
    const env = { ...process.env, JUMAK_PYTHON: python, PWD: cwd }
    const here = spawnSync(join(ROOT, 'bin/jumak'), ['gunicorn', ...given], { cwd, env })
    assert.deepEqual([here.status, there.status], [code, code], `${here.stderr}\n${there.stderr}`)
  })
