/** `--check`: settings, files, and the application as a start would load it, in a process that serves nobody. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { ensureEnvironment, testedPythons, whyNoPython } from '../support/environments/environments.ts'
import { APPS, EXAMPLES, ROOT } from '../support/paths.ts'
import { markedProcesses } from '../support/processes.ts'
import { Project } from '../support/project.ts'
import { until } from '../support/server.ts'

const run = promisify(execFile)
const EVERYBODYS_PYTHON = '/usr/bin/python3'
const AS_ROOT = {
  skip: !(process.getuid?.() === 0 && existsSync(EVERYBODYS_PYTHON)) && `needs root and ${EVERYBODYS_PYTHON}`,
}

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `--check`, and fails if a process is left. `signal`: sent as soon as the application has printed something. */
async function check(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  signal: NodeJS.Signals | null = null,
): Promise<Ended> {
  const marker = randomUUID()
  const options = { cwd, env: { ...process.env, PWD: cwd, MARKER_OF_JUMAK_TEST: marker, ...env } }
  const running = run(join(ROOT, 'bin/jumak'), ['--check', ...args], options)
  if (signal !== null) running.child.stderr!.once('data', () => running.child.kill(signal))
  const ended = await running.then(
    output => ({ code: 0, ...output }),
    (error: Ended) => error,
  )
  await until(
    () => markedProcesses(marker).length === 0,
    () => `stray processes: ${JSON.stringify(markedProcesses(marker))}`,
  )
  return ended
}

const PYTHON = ['--python', 'python3']
const WSGI = 'def app(environ, start_response): pass\n'
const LIFESPAN = `
import asyncio, contextlib, os
async def app(scope, receive, send):
    assert scope["type"] == "lifespan", "nothing is asked for"
    await receive()
    print("up")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("down")
    await send({"type": "lifespan.shutdown.complete"})
`

test('one line says what would be served; nothing listens, and nothing is left', async t => {
  const { directory } = new Project(t, {
    'app.py': `print("loaded")\nimport atexit\natexit.register(print, "bye")\n${WSGI}`,
  })
  const { code, stdout, stderr } = await check([...PYTHON, '-w', '3', '--pid-file', 'j.pid', '-b', 'unix:s'], directory)
  assert.deepEqual([code, stderr], [0, 'loaded\nbye\n'])
  assert.match(
    stdout,
    /^jumak: settings and application are right: app:app \(WSGI, Python 3\.[\d.]+\) on unix:.*\/s, 3 workers × 1 thread\n$/,
  )
  assert.deepEqual([existsSync(join(directory, 's')), existsSync(join(directory, 'j.pid'))], [false, false])
})

test('of several applications each has a line, and the worst exit code counts', async t => {
  const { directory } = new Project(t, {
    'shop.py': WSGI,
    'api.py': `raise RuntimeError("no key")\n${WSGI}`,
    'admin.py': WSGI,
    'jumak.toml': ['shop', 'api', 'admin']
      .map(name => `[[app]]\nname = "${name}"\napp = "${name}:app"\npath = "/${name}"\n`)
      .join(''),
  })
  const { code, stdout, stderr } = await check(PYTHON, directory)
  assert.equal(code, 3)
  assert.deepEqual(
    [...stdout.matchAll(/^jumak: settings and application are right: (\w+): /gm)].map(([, name]) => name),
    ['shop', 'admin'],
  )
  assert.match(stderr, /^jumak: api: api could not be imported: RuntimeError: no key\nTraceback /)
  const quick = await check(['--no-app'], directory)
  assert.deepEqual(
    [quick.code, quick.stdout.match(/^jumak: the settings are right: (?:shop|api|admin): /gm)?.length],
    [0, 3],
  )
})

test('--no-app leaves the application out, and is an error by itself', async t => {
  const { directory } = new Project(t, { 'app.py': `raise SystemExit(1)\n${WSGI}` })
  const quick = await check(['--no-app'], directory)
  assert.equal(quick.code, 0, quick.stderr)
  assert.match(
    quick.stdout,
    /^jumak: the settings are right: app:app on 127\.0\.0\.1:8000, \d+ workers × 1 thread, or 1 if it is ASGI\n$/,
  )
  const { code, stderr } = await run(join(ROOT, 'bin/jumak'), ['--no-app'], { cwd: directory }).then(
    () => assert.fail('it was no error'),
    (error: Ended) => error,
  )
  assert.equal(code, 2)
  assert.match(stderr, /^jumak: --no-app does something only together with --check\n/)
})

test('settings that are wrong are 2, and then the application is not loaded', async t => {
  const { directory } = new Project(t, { 'app.py': `print("loaded")\n${WSGI}` })
  const { code, stderr } = await check([...PYTHON, '--threads', '0'], directory)
  assert.equal(code, 2)
  assert.ok(!stderr.includes('loaded'), stderr)
})

test('an application that cannot be loaded is 3, with its traceback', async () => {
  for (const [app, pattern] of [
    [
      'broken_syntax',
      /^jumak: broken_syntax could not be imported: SyntaxError.*\n(?:.*\n)* +File ".*broken_syntax\.py", line \d+/,
    ],
    ['broken_import', /ModuleNotFoundError/],
    ['raises', /^jumak: raises could not be imported: RuntimeError: the setting DATABASE_URL is missing\nTraceback /],
    ['plain:aplication', /has no attribute 'aplication'; it has: application/],
    ['nowhere.wsgi', /there is no module nowhere/],
  ] as const) {
    const { code, stdout, stderr } = await check([...PYTHON, app], APPS)
    assert.deepEqual([code, stdout], [3, ''], `${app}: ${stderr}`)
    assert.match(stderr, pattern)
    assert.ok(!/jumak_worker|importlib/.test(stderr), `frames of ours: ${stderr}`)
  }
})

test('an import that ends its process, or never ends, is found', async t => {
  const project = new Project(t, {
    'leaves.py': 'import os\nos._exit(7)\n',
    'hangs.py': 'import time\ntime.sleep(9999)\n',
  })
  const left = await check([...PYTHON, 'leaves'], project.directory)
  assert.equal(left.code, 3)
  assert.match(left.stderr, /^jumak: leaves could not be imported: the process that imports it exited with code 7\n$/)
  const hangs = await check([...PYTHON, '--start-timeout', '500ms', 'hangs'], project.directory)
  assert.equal(hangs.code, 3)
  assert.match(hangs.stderr, /^jumak: hangs was not loaded within 500 ms \(--start-timeout\)/)
})

test('what the application has started ends with the check', async t => {
  const text = `import subprocess, threading
helper = subprocess.Popen(["sleep", "9999"])
threading.Thread(target=threading.Event().wait).start()
${WSGI}`
  const { directory } = new Project(t, { 'app.py': text, 'wrong.py': `${text}raise KeyError\n` })
  assert.equal((await check(PYTHON, directory)).code, 0)
  assert.equal((await check([...PYTHON, 'wrong'], directory)).code, 3)
})

test('what does not end when it is told to is killed with the check', async t => {
  const text = `import subprocess
helper = subprocess.Popen(["sh", "-c", "trap '' TERM; echo; sleep 9999; sleep 9999"], stdout=subprocess.PIPE)
helper.stdout.readline()
${WSGI}`
  const { directory } = new Project(t, { 'app.py': text })
  assert.equal((await check(PYTHON, directory)).code, 0)
})

test('a signal ends the check, and all that the application has started', async t => {
  const helper = 'import subprocess, time\nhelper = subprocess.Popen(["sleep", "9999"])\n'
  const up = '    await receive()\n    await send({"type": "lifespan.startup.complete"})\n'
  const hang = 'print("hangs", flush=True)\n'
  const project = new Project(t, {
    'imports.py': `${helper}${hang}time.sleep(9999)\n`,
    'starts.py': `${helper}import asyncio\nasync def app(scope, receive, send):\n    ${hang}    await asyncio.sleep(9999)\n`,
    'ends.py': `${helper}async def app(scope, receive, send):\n${up}    await receive()\n    ${hang}    time.sleep(9999)\n`,
    'leaves.py': `${helper}import atexit\natexit.register(lambda: (print("hangs", flush=True), time.sleep(9999)))\n${WSGI}`,
  })
  for (const app of ['imports', 'starts', 'ends', 'leaves'])
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const ended = await check([...PYTHON, '--start-timeout', '1m', app], project.directory, {}, signal)
      assert.deepEqual([ended.code, ended.stderr], [code, `hangs\njumak: ${signal}: the check was not finished\n`], app)
    }
})

test('a lifespan is gone through; one that fails is 3 with its traceback', async t => {
  const failing = LIFESPAN.replace(
    'print("up")',
    'return await send({"type": "lifespan.startup.failed", "message": "no database"})',
  )
  const raising = LIFESPAN.replace('print("up")', '{}["database"]')
  const { directory } = new Project(t, { 'app.py': LIFESPAN, 'failing.py': failing, 'raising.py': raising })
  const right = await check(PYTHON, directory)
  assert.deepEqual([right.code, right.stderr], [0, 'up\ndown\n'])
  assert.match(right.stdout, /app:app \(ASGI, Python [\d.]+\) on .*, 1 worker × up to 1000 requests\n$/)
  const failed = await check([...PYTHON, 'failing:app'], directory)
  assert.equal(failed.code, 3)
  assert.match(failed.stderr, /^jumak: the application's start-up failed: no database\n$/)
  const raised = await check([...PYTHON, '--lifespan', 'on', 'raising:app'], directory)
  assert.equal(raised.code, 3)
  assert.match(
    raised.stderr,
    /start-up failed \(--lifespan on\): it raised KeyError: 'database'[\s\S]*raising\.py", line \d+/,
  )
  assert.equal((await check([...PYTHON, '--lifespan', 'off', 'failing:app'], directory)).code, 0)
})

test('--post-fork is called, and what does nothing for this application is told', async t => {
  const { directory } = new Project(t, { 'app.py': `${LIFESPAN}\ndef hook():\n    print("hook")\n` })
  const right = await check([...PYTHON, '--post-fork', 'app:hook', '--threads', '2'], directory)
  assert.deepEqual([right.code, right.stderr.split('\n')[0]], [0, 'hook'])
  assert.match(right.stderr, /jumak: warning: threads does nothing for an ASGI application/)
  const wrong = await check([...PYTHON, '--post-fork', 'app:hok'], directory)
  assert.equal(wrong.code, 3)
  assert.match(wrong.stderr, /^jumak: --post-fork app:hok: module app has no attribute 'hok'; it has: hook/)
})

test('directory, environment and Python are those of a start', async t => {
  const { directory } = new Project(t, {
    'site/app.py': `import os\nprint(os.getcwd(), os.environ["A"], os.environ["B"], os.environ.get("NOTIFY_SOCKET"))\n${WSGI}`,
    'site/.env': 'A=1\nB=1\n',
  })
  const words = ['--chdir', 'site', '--env-file', 'site/.env', '--env', 'B=2']
  const { code, stderr } = await check([...PYTHON, ...words], directory, { NOTIFY_SOCKET: '/run/none' })
  assert.deepEqual([code, stderr], [0, `${directory}/site 1 2 None\n`])
  const wrong = await check(['--chdir', 'site', '--python', join(directory, 'site/app.py')], directory)
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /^jumak: \S+\/site\/app\.py \(--python\) may not be executed: /)
})

test('with --user the application is loaded as that user', AS_ROOT, async t => {
  const project = new Project(t, { 'app.py': `import os\nprint(os.getresuid())\n${WSGI}` })
  chmodSync(project.directory, 0o755)
  const { code, stderr } = await check(['--python', EVERYBODYS_PYTHON, '--user', 'nobody'], project.directory)
  const uid = (await run('id', ['-u', 'nobody'])).stdout.trim()
  assert.deepEqual([code, stderr], [0, `(${uid}, ${uid}, ${uid})\n`])
})

for (const { version } of await testedPythons()) {
  describe(`Django on Python ${version}`, { skip: await whyNoPython() }, () => {
    test('a project is checked; a SyntaxError in its settings is 3 with file and line', async t => {
      const { python } = await ensureEnvironment({ python: version, packages: 'example-django' })
      const data = new Project(t, {})
      const shop = await check(['--python', python], join(EXAMPLES, 'django-shop'), { SHOP_DATA: data.directory })
      assert.equal(shop.code, 0, shop.stderr)
      assert.match(
        shop.stdout,
        /are right: shop\.wsgi:application \(WSGI, Django [\d.]+, Python [\d.]+\) on .*, static files /,
      )
      const { directory } = new Project(t, {
        'manage.py': 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")\n',
        'site1/settings.py': 'SECRET_KEY = "x"\nDEBUG = = True\n',
        'site1/wsgi.py':
          'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")\n' +
          'from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n',
      })
      const { code, stderr } = await check(['--python', python], directory)
      assert.equal(code, 3)
      assert.match(stderr, /^jumak: site1\.wsgi could not be imported: SyntaxError[\s\S]*settings\.py", line 2/)
    })
  })
}
