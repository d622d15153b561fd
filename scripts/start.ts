/**
 * `npm start`: sets up the example Django project and serves it; `npm start -- chat` the FastAPI chat, `npm start -- notes` the site of
 * the notes, `npm start -- cgi` a hello by CGI, WSGI and ASGI. The second time nothing is left to set up, and no network is needed. More arguments go to Jumak: `npm start -- -b :9000 -w 4`.
 *
 * In the end this process becomes Jumak (`execve`), so no process in between must pass on signals and the exit code. For the notes it stays:
 * it has started the servers behind, and ends them.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run, seconds } from './lib/command.ts'
import { CGI, CHAT, closedToOthers, type Example, exampleEnvironment, SHOP, SHOP_CACHE } from './lib/examples.ts'
import { NOTES, serveNotes } from './lib/notes-servers.ts'
import { hashOf, pythonOnPath, SetupError } from './lib/python.ts'
import { ROOT } from './lib/tools.ts'

/** Running the project makes these, so `prepare` does not depend on them. */
const WRITTEN = /^(db\.sqlite3.*|media|staticfiles|secret-key\.txt.*|__pycache__)$/

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

const TITLES: Readonly<Record<Example, string>> = {
  shop: 'Django project',
  chat: 'FastAPI chat',
  notes: 'site of the notes',
  cgi: 'hello by CGI, WSGI and ASGI',
}
const DIRECTORIES: Readonly<Record<Example, string>> = { shop: SHOP, chat: CHAT, notes: NOTES, cgi: CGI }

/** Database, static files and the admin's user; skipped when the project has not changed since. */
async function prepare(python: string, pythonVersion: string): Promise<void> {
  const data = process.env['SHOP_DATA'] ?? SHOP
  const marker = join(SHOP_CACHE, 'prepared')
  const wanted = hashOf([pythonVersion, data, ...projectFiles(SHOP)])
  const complete = ['db.sqlite3', 'staticfiles/staticfiles.json'].every(name => existsSync(join(data, name)))
  if (complete && existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  say('  preparing the database, the static files and the user …')
  mkdirSync(data, { recursive: true })
  const { code, output } = await run(python, ['manage.py', 'prepare'], { cwd: SHOP })
  if (code !== 0) throw new SetupError(`'manage.py prepare' failed in ${relative(ROOT, SHOP)}:\n${output.trim()}`)
  writeFileSync(marker, wanted)
}

function projectFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter(entry => !WRITTEN.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? projectFiles(path) : [relative(SHOP, path), readFileSync(path, 'utf8')]
    })
}

async function setUp(example: Example): Promise<string> {
  const startedAt = performance.now()
  let steps = 0
  const interpreter = await pythonOnPath()
  const python = await exampleEnvironment(example, interpreter, step => {
    if (steps++ === 0) say('Setting up the example (only the first time):')
    say(`  ${step} …`)
  })
  if (example === 'shop') await prepare(python, interpreter.version)
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

function introduce(example: Example, args: readonly string[]): void {
  const address = pageAddress(args)
  const where = relative(process.cwd(), DIRECTORIES[example]) || '.'
  say(`The example ${TITLES[example]} (${where}):`)
  say(address ? `  page   ${address}` : '  page   at the address below')
  if (example === 'chat') say('  try    the page in two windows; then kill -HUP the master, and go on talking')
  else if (example === 'notes')
    say(`  try    the page in two windows, ${address ?? '/'}notes/2, ${address ?? '/'}assets/`)
  else if (example === 'cgi') say(`  try    ${address ?? '/'}cgi-bin/hello.py, hello.pl, hello.sh`)
  else say(`  admin  ${address ?? '/'}admin/   user: admin   password: jumak`)
  const workers = example === 'notes' ? '' : ' and more workers'
  say(`  stop it with Ctrl-C; other addresses${workers}: npm start -- ${WORDS[example]}-b :9000${workers && ' -w 4'}`)
}

const WORDS: Readonly<Record<Example, string>> = { shop: '', chat: 'chat ', notes: 'notes ', cgi: 'cgi ' }

/** An example that is one application. */
type AsApplication = Exclude<Example, 'notes'>

/** CGI programs never run as root, and a checkout may be writable by its group, which they must not be. */
function usersOfPrograms(args: readonly string[]): readonly string[] {
  const directory = join(CGI, 'cgi-bin')
  for (const path of [directory, ...readdirSync(directory).map(name => join(directory, name))])
    chmodSync(path, statSync(path).mode & ~0o022)
  const isNamed = args.some(arg => /^(?:-u|--user|--cgi-user)\b/.test(arg))
  if (process.getuid?.() !== 0 || isNamed) return []
  const closed = closedToOthers(directory)
  if (closed !== null)
    say(
      `  note   CGI programs never run as root, and others may not enter ${closed}: they answer 403; name a user by --cgi-user`,
    )
  return ['--cgi-user', 'nobody']
}

/** The directory of the example is the working directory of the application, not of the arguments' paths. */
function argumentsFor(example: AsApplication, args: readonly string[]): readonly string[] {
  switch (example) {
    case 'shop':
      return ['--chdir', SHOP, ...args, 'shop.wsgi']
    case 'chat':
      return ['--chdir', CHAT, ...args, 'main.py']
    case 'cgi':
      return ['--config', join(CGI, 'jumak.toml'), ...usersOfPrograms(args), ...args]
  }
}

function becomeJumak(example: AsApplication, python: string, args: readonly string[]): never {
  const program = join(ROOT, 'bin/jumak')
  const environment = { ...(process.env as Record<string, string>) }
  // The chat shows that workers can share a room; an argument wins.
  if (example === 'chat') environment['JUMAK_WORKERS'] ??= '2'
  return process.execve!('/bin/sh', ['sh', program, '--python', python, ...argumentsFor(example, args)], environment)
}

const word = process.argv[2]
const example: Example = word === 'chat' || word === 'notes' || word === 'cgi' ? word : 'shop'
const args = process.argv.slice(example === 'shop' ? 2 : 3)
try {
  const python = await setUp(example)
  introduce(example, args)
  if (example !== 'notes') becomeJumak(example, python, args)
  process.exitCode = await serveNotes(python, args, servers =>
    say(`  API    server ${servers.join(', server ')}: kill one, and go on writing`),
  )
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  say(`jumak: ${error.message}`)
  process.exitCode = 1
}
