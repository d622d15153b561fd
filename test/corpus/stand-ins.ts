/**
 * What a command line needs and this machine has not: variables, directories, modules, files, sockets, users. All of it is below a temporary
 * directory, and absolute paths of the line lead there. Ports are taken as they are free.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { OPTIONS as GUNICORN } from '../../src/adapters/gunicorn/table.ts'
import type { AnyOption, GivenOptions } from '../../src/adapters/option.ts'
import { OPTIONS as UVICORN } from '../../src/adapters/uvicorn/table.ts'
import { ARGPARSE, CLICK, readWords } from '../../src/adapters/words.ts'
import { localCertificate } from '../support/certificates.ts'
import { ensureEnvironment } from '../support/environments/environments.ts'

export interface Prepared {
  /** To be removed. */
  readonly root: string
  readonly words: readonly string[]
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
}

/** Names of variables, the first that fits, and what they are. */
const VARIABLES: readonly (readonly [name: RegExp, value: string])[] = [
  [/PORT$/i, '0'],
  [/^settings/, 'settings'],
  [/WORKER_TEMP_DIR/, '/dev/shm'],
  [/WORKER_CONNECTIONS/, '100'],
  [/CLASS/, 'sync'],
  [/WORKER|CONCURRENCY|THREADS/, '2'],
  [/TIMEOUT|BACKLOG/, '30'],
  [/LOG_LEVEL/, 'info'],
  [/LOGFORMAT/, '%(h)s "%(r)s" %(s)s'],
  [/LOG_PATH/, '/var/log/app'],
  [/ACCESS_LOG|ERROR_LOG/, '-'],
  [/BIND|HOST$/i, '127.0.0.1'],
  [/PID$/, '/run/app.pid'],
  [/SOCKET/, '/run/app.sock'],
  [/USER/, 'app'],
  [/APP_MODULE/, 'main:app'],
  [/CONF$|CONFIG_FILE/, '/etc/app/gunicorn.conf.py'],
  [/FORWARDED_ALLOW_IPS/, '127.0.0.1'],
  [/DIR|ROOT|PROJECT/i, '/srv/app'],
  [/^args$/, '--port 0'],
]

/** Variables of a line that name several addresses have no port. */
const WITH_PORT = /BIND\b(?!["}]*:)/

export async function prepare(program: 'gunicorn' | 'uvicorn', line: string): Promise<Prepared> {
  const root = mkdtempSync(join(tmpdir(), 'jumak-corpus-'))
  // Other users run applications in it.
  chmodSync(root, 0o755)
  mkdirSync(join(root, 'tmp'))
  chmodSync(join(root, 'tmp'), 0o1777)
  const directory = join(root, 'work')
  mkdirSync(directory)
  const expanded = expand(program, line)
  const [table, dialect] = program === 'gunicorn' ? [GUNICORN, ARGPARSE] : [UVICORN, CLICK]
  const read = readWords(expanded, table, dialect)
  const words = moveWords(expanded, read.given, root)
  const moved = readWords(words, table, dialect)
  const start = startOf(moved.given, directory)
  for (const one of moved.given.values()) standIn(one.option, one.value, start, directory)
  const app = moved.positionals[0] ?? 'main:app'
  if (program === 'gunicorn' && moved.positionals.length === 0) nameInFile(moved.given, directory)
  makeApplication(app, isAsgi(program, moved.given), start)
  return { root, words, directory, env: environment(root, await pythonFor(moved.given)) }
}

/** As the file, the service or the shell that had the line would. */
function expand(program: string, line: string): string[] {
  const shell = line
    // supervisord, Kubernetes, Compose
    .replace(/%\(ENV_(\w+)\)s/g, '$${$1}')
    .replace(/\$\(([A-Z_]+)\)/g, '$${$1}')
    .replace(/'(\$\{[^']*\})'/g, '"$1"')
    // A template of a package.
    .replace(/__(\w+)_DIR__/g, '/srv/$1')
  const names = new Set([...shell.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!))
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '' }
  for (const name of names) {
    const found = VARIABLES.find(([pattern]) => pattern.test(name))
    if (found !== undefined) env[name] = found[1]
    if (/BIND$/.test(name) && WITH_PORT.test(shell.slice(shell.indexOf(name)))) env[name] = '127.0.0.1:0'
  }
  const script = `set -f; ${program}() { for word; do printf '%s\\0' "$word"; done; }; ${shell}`
  const output = execFileSync('bash', ['-c', script], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return output.split('\0').slice(0, -1)
}

const PATHS: readonly string[] = [
  ...['config', 'chdir', 'pythonpath', 'accesslog', 'errorlog', 'pidfile', 'certfile', 'keyfile', 'ca_certs', 'paste'],
  ...['bind', 'app_dir', 'uds', 'reload_dirs', 'log_config', 'ssl_keyfile', 'ssl_certfile', 'env_file'],
]
const PORTS: readonly string[] = ['bind', 'port']
const ACCOUNTS: Readonly<Record<string, string>> = { user: 'passwd', group: 'group' }

/** Paths lead below `root`, ports are free ones, and accounts exist. */
function moveWords(words: readonly string[], given: GivenOptions, root: string): string[] {
  let moved = [...words]
  for (const { option, value } of given.values()) {
    const replace = (before: string, after: string) => {
      moved = moved.map((word, i) => (isOf(option, word, moved[i - 1]) ? replaceEnd(word, before, after) : word))
    }
    for (const text of (Array.isArray(value) ? value : [value]).map(String)) {
      if (PORTS.includes(option.name) && /^(?:.*:)?\d+$/.test(text) && !text.startsWith('unix:'))
        replace(text, text.replace(/\d+$/, '0'))
      else if (option.name === 'bind' && !/^(?:unix|fd):/.test(text)) replace(text, `${text}:0`)
      else if (PATHS.includes(option.name)) replace(text, text.replace(/^((?:unix|file):(?:\/\/)?)?\//, `$1${root}/`))
      else if (option.name in ACCOUNTS) replace(text, accountFor(text, ACCOUNTS[option.name]!))
    }
  }
  return moved
}

/** The word is the value of the option, or has it. */
function isOf({ flags }: AnyOption, word: string, previous: string | undefined): boolean {
  return flags.some(flag => flag === previous || word.startsWith(flag.startsWith('--') ? `${flag}=` : flag))
}

/** The value stands at the end of a word, or is one. */
function replaceEnd(word: string, before: string, after: string): string {
  if (word === before || word.endsWith(`=${before}`)) return word.slice(0, word.length - before.length) + after
  return /^-[a-z]/i.test(word) && word.slice(2) === before ? word.slice(0, 2) + after : word
}

function accountFor(name: string, database: string): string {
  if (process.getuid?.() !== 0) return database === 'passwd' ? userInfo().username : String(process.getgid?.())
  const has = (wanted: string) =>
    readFileSync(`/etc/${database}`, 'utf8')
      .split('\n')
      .some(entry => entry.startsWith(`${wanted}:`))
  return has(name) ? name : (['nobody', 'nogroup'].find(has) ?? '65534')
}

/** Where the application is. */
function startOf(given: GivenOptions, directory: string): string {
  const named = (given.get('chdir') ?? given.get('app_dir'))?.value
  return typeof named === 'string' ? resolve(directory, named) : directory
}

/** Makes what the option names. */
function standIn({ name }: AnyOption, value: unknown, start: string, directory: string): void {
  for (const text of (Array.isArray(value) ? value : [value]).map(String)) {
    if (name === 'chdir' || name === 'app_dir') mkdirSync(resolve(directory, text), { recursive: true })
    else if (name === 'pythonpath' || name === 'reload_dirs') mkdirSync(resolve(start, text), { recursive: true })
    else if (name === 'bind' && text.startsWith('unix:'))
      mkdirSync(dirname(resolve(start, text.replace(/^unix:(?:\/\/)?/, ''))), { recursive: true })
    else if (['accesslog', 'errorlog', 'pidfile', 'uds'].includes(name) && text !== '-')
      mkdirSync(dirname(resolve(start, text)), { recursive: true })
    else if (name === 'config') writeSettings(text, directory)
    else if (name === 'log_config') write(resolve(directory, text), LOG_CONFIG)
    else if (name === 'env_file') write(resolve(directory, text), 'A=1\n')
    else if (name === 'paste') {
      write(resolve(start, text), '[app:main]\npaste.app_factory = paste_app:make\n')
      write(join(start, 'paste_app.py'), `${STAND_IN}\n\ndef make(settings, **own):\n    return application\n`)
    } else if (/^(?:ssl_)?(?:cert|key)file$/.test(name)) {
      const { certificate, key } = localCertificate()
      write(resolve(start, text), readFileSync(name.endsWith('certfile') ? certificate : key, 'utf8'))
    }
  }
}

const LOG_CONFIG = 'version: 1\ndisable_existing_loggers: false\n'

function settingsFile(named: string, directory: string): string {
  if (!named.startsWith('python:')) return resolve(directory, named.replace(/^file:/, ''))
  return join(directory, `${named.slice('python:'.length).replaceAll('.', '/')}.py`)
}

function writeSettings(named: string, directory: string): void {
  write(
    settingsFile(named, directory),
    'import multiprocessing\n\nname = "app"\ncores = multiprocessing.cpu_count()\nworkers = min(cores, 2)\n',
  )
}

/** No word names the application, so the file does. */
function nameInFile(given: GivenOptions, directory: string): void {
  const named = given.get('config')?.value
  if (typeof named === 'string') write(settingsFile(named, directory), 'wsgi_app = "main:app"\n')
}

function isAsgi(program: string, given: GivenOptions): boolean {
  return program === 'uvicorn' || /uvicorn|asgi/i.test(String(given.get('worker_class')?.value ?? ''))
}

const STAND_IN = readFileSync(join(import.meta.dirname, 'stand_in.py'), 'utf8')

/** A module with the name that the line wants, in its packages. */
function makeApplication(app: string, isAsgi: boolean, start: string): void {
  const [module = 'main', attribute = 'application'] = app.split(':', 2)
  const parts = module.split('.')
  for (let i = 1; i < parts.length; i++) write(join(start, ...parts.slice(0, i), '__init__.py'), '')
  const name = attribute.replace(/\(.*$/s, '')
  const isFactory = attribute.includes('(') || name.startsWith('create_')
  const callable = isAsgi ? 'asgi' : 'application'
  const rest = isFactory ? `\n\ndef ${name}(*args, **kwargs):\n    return ${callable}\n` : `\n${name} = ${callable}\n`
  write(`${join(start, ...parts)}.py`, STAND_IN + rest)
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  if (!existsSync(file) || text !== '') writeFileSync(file, text)
}

/** The system's Python can be run by every user, and has no packages. Null: the one that is found. */
async function pythonFor(given: GivenOptions): Promise<string | null> {
  if (/gevent|eventlet/.test(String(given.get('worker_class')?.value)))
    return (await ensureEnvironment({ python: 'newest', packages: 'gevent' })).python
  if (given.has('paste')) return (await ensureEnvironment({ python: 'newest', packages: 'paste' })).python
  return existsSync('/usr/bin/python3') ? '/usr/bin/python3' : null
}

/** Nothing of this machine but what finds programs. */
function environment(root: string, found: string | null): Record<string, string> {
  const python: Record<string, string> = found === null ? {} : { JUMAK_PYTHON: found }
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: root,
    TMPDIR: join(root, 'tmp'),
    PORT: '0',
    UVICORN_PORT: '0',
    ...python,
  }
}
