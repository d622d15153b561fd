/**
 * `npm start`: sets up the example Django project and serves it; `npm start -- chat` the FastAPI chat. The second time
 * nothing is left to set up, and no network is needed. More arguments go to Jumak: `npm start -- -b :9000 -w 4`.
 *
 * In the end this process becomes Jumak (`execve`), so no process in between must pass on signals and the exit code.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run, seconds } from './lib/command.ts'
import { ensureVenv, hashOf, pythonOnPath, SetupError } from './lib/python.ts'

const ROOT = join(import.meta.dirname, '..')
const PROJECT = join(ROOT, 'examples/django-shop')
const CACHE = join(ROOT, '.cache/example-django')
const CHAT = join(ROOT, 'examples/fastapi-chat')
const CHAT_CACHE = join(ROOT, '.cache/example-chat')
/** Running the project makes these, so `prepare` does not depend on them. */
const WRITTEN = /^(db\.sqlite3.*|media|staticfiles|secret-key\.txt.*|__pycache__)$/

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Database, static files and the admin's user; skipped when the project has not changed since. */
async function prepare(python: string, pythonVersion: string): Promise<void> {
  const data = process.env['SHOP_DATA'] ?? PROJECT
  const marker = join(CACHE, 'prepared')
  const wanted = hashOf([pythonVersion, data, ...projectFiles(PROJECT)])
  const complete = ['db.sqlite3', 'staticfiles/staticfiles.json'].every(name => existsSync(join(data, name)))
  if (complete && existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  say('  preparing the database, the static files and the user …')
  mkdirSync(data, { recursive: true })
  const { code, output } = await run(python, ['manage.py', 'prepare'], { cwd: PROJECT })
  if (code !== 0) throw new SetupError(`'manage.py prepare' failed in ${relative(ROOT, PROJECT)}:\n${output.trim()}`)
  writeFileSync(marker, wanted)
}

function projectFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(entry => !WRITTEN.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? projectFiles(path) : [relative(PROJECT, path), readFileSync(path, 'utf8')]
    })
}

async function setUp(chat: boolean): Promise<string> {
  const startedAt = performance.now()
  let steps = 0
  const interpreter = await pythonOnPath()
  const python = await ensureVenv({
    interpreter,
    directory: join(chat ? CHAT_CACHE : CACHE, interpreter.version),
    requirements: join(chat ? CHAT : PROJECT, 'requirements.txt'),
    what: chat ? 'FastAPI' : 'Django',
    onStep: step => {
      if (steps++ === 0) say('Setting up the example (only the first time):')
      say(`  ${step} …`)
    },
  })
  if (!chat) await prepare(python, interpreter.version)
  if (steps > 0) say(`  done in ${seconds(performance.now() - startedAt)}`)
  return python
}

/** Addresses without a scheme speak TLS when there is a certificate. */
function hasCertificate(args: readonly string[]): boolean {
  return args.some(
    (arg, index) =>
      /^--tls-cert(?:=|$)|^--tls=self-signed$/.test(arg) || (arg === '--tls' && args[index + 1] === 'self-signed'),
  )
}

/** Where a browser finds the page: the default address, or the first that the user names, if a browser can go there. */
function pageAddress(args: readonly string[]): string | null {
  const binds = args.flatMap((arg, index) => {
    if (arg === '-b' || arg === '--bind') return [args[index + 1] ?? '']
    const match = /^(?:--bind=|-b=?)(.+)$/.exec(arg)
    return match ? [match[1]!] : []
  })
  const [, given, bind] = /^(?:(https?):\/\/)?(.*)$/.exec(binds[0] ?? '127.0.0.1:8000')!
  const match = /^(?:(.*):)?(\d+)$/.exec(bind!)
  if (!match || match[2] === '0') return null
  const host = match[1]
  const scheme = given ?? (hasCertificate(args) ? 'https' : 'http')
  return `${scheme}://${!host || host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host}:${match[2]}/`
}

function introduce(chat: boolean, args: readonly string[]): void {
  const address = pageAddress(args)
  const where = relative(process.cwd(), chat ? CHAT : PROJECT) || '.'
  say(`The example ${chat ? 'FastAPI chat' : 'Django project'} (${where}):`)
  say(address ? `  page   ${address}` : '  page   at the address below')
  if (chat) say('  try    the page in two windows; then kill -HUP the master, and go on talking')
  else say(`  admin  ${address ?? '/'}admin/   user: admin   password: jumak`)
  say('  stop it with Ctrl-C; other addresses and more workers: npm start -- -b :9000 -w 4')
}

function becomeJumak(chat: boolean, python: string, args: readonly string[]): never {
  const program = join(ROOT, 'bin/jumak')
  // The directory of the example is the working directory of the application, not of the arguments' paths.
  const all = ['--chdir', chat ? CHAT : PROJECT, '--python', python, ...args, chat ? 'main.py' : 'shop.wsgi']
  const environment = { ...(process.env as Record<string, string>) }
  // The chat shows that workers can share a room; an argument wins.
  if (chat) environment['JUMAK_WORKERS'] ??= '2'
  return process.execve!('/bin/sh', ['sh', program, ...all], environment)
}

const chat = process.argv[2] === 'chat'
const args = process.argv.slice(chat ? 3 : 2)
try {
  const python = await setUp(chat)
  introduce(chat, args)
  becomeJumak(chat, python, args)
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  say(`jumak: ${error.message}`)
  process.exitCode = 1
}
