/**
 * `npm run figures`: makes the pictures in docs/figures/ that are not from a bench: of the terminal, a start with three applications and
 * `jumak status`; and how long requests wait with several threads. The real program serves the examples, with some requests in it. Needs what
 * the end-to-end tests need. `npm run figures -- threads` makes the last one only, from a simulation, and `-- explain` that of `jumak explain`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ensureEnvironment } from '../test/support/environments/environments.ts'
import { EXAMPLES, ROOT } from '../test/support/paths.ts'
import { terminalSvg } from './lib/ansi-svg.ts'
import { run } from './lib/command.ts'
import { threadsFigure } from './lib/threads-figure.ts'

const COLUMNS = 104
const JUMAK = join(ROOT, 'bin/jumak')
/** In the pictures, in the place of the port that was free. */
const PORT = 8000

const directory = join(mkdtempSync(join(tmpdir(), 'jumak-figures-')), 'site')

async function makeFigures(): Promise<void> {
  const [django, fastapi, flask] = await Promise.all(
    (['example-django', 'asgi', 'flask'] as const).map(packages => ensureEnvironment({ python: 'newest', packages })),
  )
  const data = { SHOP_DATA: join(directory, 'data') }
  await must(django!.python, ['manage.py', 'prepare'], join(EXAMPLES, 'django-shop'), data)
  writeFileSync(
    join(directory, 'jumak.toml'),
    `[[app]]
name = "shop"
app = "shop.wsgi"
chdir = "${EXAMPLES}/django-shop"
python = "${django!.python}"
workers = 3
env = { SHOP_DATA = "${data.SHOP_DATA}" }

[[app.pool]]
name = "export"
paths = ["/ticks"]
workers = 1

[[app]]
name = "chat"
path = "/chat"
app = "."
workers = 1
chdir = "${EXAMPLES}/fastapi-chat"
python = "${fastapi!.python}"

[[app]]
name = "office"
hosts = ["office.example.kr"]
app = "app.py"
chdir = "${EXAMPLES}/flask"
python = "${flask!.python}"
workers = 1
`,
  )
  const program = new Shown(JUMAK, '-b', '127.0.0.1:0')
  try {
    await program.waitFor(/ready: 3 applications serve/)
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(program.shown)![1])
    save('several-start', program.shown, 'jumak', port)
    const requests = [
      ask(port, '/ticks/?n=20&delay=1', 'localhost'),
      ask(port, '/stream', 'office.example.kr'),
      ...Array.from({ length: 40 }, () => ask(port, '/', 'localhost')),
    ]
    // wait: requests that run for a while are what the picture shows
    await new Promise(resolve => setTimeout(resolve, 1500))
    const status = new Shown(JUMAK, 'status')
    await status.ended
    save('status', status.shown, 'jumak status', port)
    for (const request of requests) request.kill()
  } finally {
    program.type('\x03')
    await program.ended
  }
}

/** A request that is rewritten, matches a regular expression, and finds a file. */
async function explainFigure(): Promise<void> {
  for (const [path, text] of Object.entries(EXPLAINED)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  const words = ['explain', 'http://shop.example.kr/old/app.css']
  const program = new Shown(JUMAK, ...words)
  await program.ended
  // What is of the moment.
  const lines = program.shown.split('\n').filter(line => !/Last-Modified|ETag|Expires/.test(line))
  save('explain', lines.join('\n'), `jumak ${words.join(' ')}`, PORT)
}

const EXPLAINED: Readonly<Record<string, string>> = {
  'app.py': 'def application(environ, start_response): ...\n',
  'public/static/app.css': 'body { margin: 0 }\n',
  'jumak.toml': `bind = ":80"
[[app]]
name = "shop"
app = "app.py"
workers = 2

[[site]]
names = ["shop.example.kr"]
root = "public"
add-headers-always = { X-Frame-Options = "DENY" }
rewrites = [{ from = "^/old/(.*)$", to = "/static/$1", flag = "last" }]
locations = [
  { match = "/", app = "shop" },
  { match = "/static/" },
  { match = "~ \\\\.php$", return = 404 },
  { match = "~* \\\\.(css|js)$", expires = "1y" },
]
`,
}

/** Without what is of this machine: the port, the directory, who has run the script. */
function save(name: string, shown: string, command: string, port: number): void {
  const text = shown
    .replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${PORT}`)
    .replaceAll(directory, '/srv/site')
    .split('\n')
    .filter(line => !/Jumak runs as root|terminal: echo/.test(line))
    .join('\n')
  writeFileSync(join(ROOT, `docs/figures/${name}.svg`), terminalSvg(text, `$ ${command}`))
}

const ask = (port: number, target: string, host: string) =>
  spawn('curl', ['-s', '-o', '/dev/null', '-H', `Host: ${host}`, `http://127.0.0.1:${port}${target}`], {
    stdio: 'ignore',
  })

async function must(command: string, args: readonly string[], cwd: string, env: Record<string, string>): Promise<void> {
  const { code, output } = await run(command, args, { cwd, env })
  if (code !== 0) throw new Error(output)
}

/** A program in a terminal of its own. */
class Shown {
  shown = ''
  readonly ended: Promise<unknown>
  readonly #process: ChildProcess

  constructor(...command: readonly string[]) {
    const sized = ['sh', '-c', `stty cols ${COLUMNS} rows 50; exec "$@"`, 'sh', ...command]
    const { NO_COLOR: _, ...env } = process.env
    this.#process = spawn('python3', [join(ROOT, 'test/support/terminal.py'), ...sized], {
      cwd: directory,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...env, PWD: directory, TERM: 'xterm-256color' },
    })
    this.ended = once(this.#process, 'close')
    this.#process.stdout!.setEncoding('utf8').on('data', (text: string) => (this.shown += text))
  }

  type(text: string): void {
    this.#process.stdin!.write(text)
  }

  async waitFor(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.shown)) await Promise.race([once(this.#process.stdout!, 'data'), this.#gone()])
  }

  async #gone(): Promise<never> {
    await this.ended
    throw new Error(this.shown)
  }
}

try {
  mkdirSync(directory)
  writeFileSync(join(ROOT, 'docs/figures/threads-wait.svg'), threadsFigure())
  if (process.argv[2] !== 'threads') await explainFigure()
  if (process.argv[2] === undefined) await makeFigures()
} finally {
  rmSync(join(directory, '..'), { recursive: true, force: true })
}
