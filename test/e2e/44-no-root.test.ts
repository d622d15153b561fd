/** `--user`: nothing that the user of an application may change runs as root, before or after its Python has started. Needs root. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

const PYTHON = '/usr/bin/python3'
const USER = 'nobody'
const asRoot = { skip: !(process.getuid?.() === 0 && existsSync(PYTHON)) && `needs root and ${PYTHON}` }
const idOf = (flag: '-u' | '-g') => Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }))

const APP = `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'served']
`
/** Notes the user that it runs as. */
const SPY = (place: string) => `import os; open(${JSON.stringify(place)}, "a").write("%d\\n" % os.geteuid())\n`

class Scene {
  readonly project: Project
  readonly #noted: string

  constructor(t: TestContext) {
    this.project = new Project(t, { 'app.py': APP })
    chmodSync(this.project.directory, 0o755)
    mkdirSync(this.project.path('tmp'))
    chmodSync(this.project.path('tmp'), 0o1777)
    this.#noted = this.project.path('noted')
    writeFileSync(this.#noted, '')
    chmodSync(this.#noted, 0o666)
  }

  get spy(): string {
    return SPY(this.#noted)
  }

  /** Users under which the spy has run. */
  get noted(): Set<string> {
    return new Set(readFileSync(this.#noted, 'latin1').split('\n').filter(Boolean))
  }

  args(...more: string[]): string[] {
    return ['-w', '1', '--user', USER, '--temp-dir', this.project.path('tmp'), ...more]
  }

  start(...args: string[]): Promise<Server> {
    return startServer({ app: 'app', directory: this.project.directory, args: this.args(...args) })
  }

  /** The spy has run, as the user, at the start and after a reload. */
  async check(server: Server): Promise<void> {
    server.signal('SIGHUP')
    await server.waitForLog(/generation 2 serves/)
    assert.equal((await getOnce(server.port, '/')).body.toString(), 'served')
    assert.deepEqual([...this.noted], [String(idOf('-u'))])
    await server.stop()
  }
}

test('an --env-file of the user: what it makes Python load', asRoot, async t => {
  const scene = new Scene(t)
  scene.project.save('own/sitecustomize.py', scene.spy)
  scene.project.save('own/.env', `PYTHONPATH=${scene.project.path('own')}\n`)
  await scene.check(await scene.start('--python', PYTHON, '--env-file', scene.project.path('own/.env')))
})

test('a virtual environment of the user: its .pth files', asRoot, async t => {
  const scene = new Scene(t)
  const place = scene.project.path('own')
  execFileSync(PYTHON, ['-m', 'venv', '--without-pip', place])
  const [packages] = execFileSync('find', [place, '-name', 'site-packages'], { encoding: 'utf8' }).trim().split('\n')
  writeFileSync(join(packages!, 'spy.pth'), scene.spy)
  await scene.check(await scene.start('--python', place))
})

test('a Python of the user, which is asked for its version', asRoot, async t => {
  const scene = new Scene(t)
  mkdirSync(scene.project.path('own/bin'), { recursive: true })
  symlinkSync(PYTHON, scene.project.path('own/bin/real'))
  scene.project.save('own/bin/python', `#!/bin/sh\nid -u >> ${scene.project.path('noted')}\nexec ${PYTHON} "$@"\n`)
  chmodSync(scene.project.path('own/bin/python'), 0o755)
  chownSync(scene.project.path('own/bin/python'), idOf('-u'), idOf('-g'))
  await scene.check(await scene.start('--python', scene.project.path('own')))
})

test('variables, descriptors and the process are as ever', asRoot, async t => {
  const scene = new Scene(t)
  scene.project.save(
    'app.py',
    `
import json, os, sys
def count_sockets():
    found = 0
    for fd in os.listdir('/proc/self/fd'):
        try:
            found += os.readlink('/proc/self/fd/' + fd).startswith('socket:')
        except OSError:
            pass
    return found
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [json.dumps({
        'variable': os.environ['JT_A'],
        'input': [os.readlink('/proc/self/fd/0'), sys.stdin.read(), sys.stdin.isatty()],
        'directory': os.getcwd(),
        'session': os.getsid(0) == os.getppid(),
        'path': sys.executable,
        'sockets': count_sockets(),
    }).encode()]
`,
  )
  const answer = async (...args: string[]) => {
    const { directory } = scene.project
    const server = await startServer({
      app: 'app',
      directory,
      args: ['-w', '1', '--temp-dir', scene.project.path('tmp'), '--env', 'JT_A=ü b', '--python', PYTHON, ...args],
    })
    server.mayLog(/runs as root/)
    const { body } = await getOnce(server.port, '/')
    await server.stop()
    return JSON.parse(body.toString())
  }
  assert.deepEqual(await answer('--user', USER), await answer())
})

test('a Python that the user may not run: the error says so', asRoot, async t => {
  const scene = new Scene(t)
  const place = scene.project.path('closed')
  mkdirSync(join(place, 'bin'), { recursive: true })
  symlinkSync(PYTHON, join(place, 'bin/python'))
  chmodSync(place, 0o700)
  const server = await startServer({
    app: 'app',
    directory: scene.project.directory,
    args: scene.args('--python', place),
    waitReady: false,
  })
  server.expectLog(/closed\/bin\/python .*may not be executed/)
  await server.ended(1)
})
