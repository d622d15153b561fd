/** gunicorn's command lines, as its users have them. What each option becomes: `src/adapters/gunicorn/gunicorn.test.ts`. */
import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { APPS, ROOT } from '../support/paths.ts'
import { linkToProgram } from '../support/program-link.ts'
import { Project, temporaryDirectory } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { startServer } from '../support/server.ts'

const noPython = await whyNoPython()
const SITE = join(APPS, 'gunicorn_site')
/** What `django-admin startproject` makes, without a database. */
const DJANGO = {
  'mysite/__init__.py': '',
  'mysite/settings.py': 'SECRET_KEY = "s"\nALLOWED_HOSTS = ["*"]\nROOT_URLCONF = "mysite.urls"\n',
  'mysite/urls.py':
    'from django.http import HttpResponse\nfrom django.urls import path\n' +
    'urlpatterns = [path("", lambda request: HttpResponse("<html>" + request.get_host()))]\n',
  'mysite/wsgi.py':
    'import os\nfrom django.core.wsgi import get_wsgi_application\n' +
    'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\napplication = get_wsgi_application()\n',
}
const DEFAULTS = /info +master +gunicorn's defaults hold/

test('gunicorn mysite.wsgi serves a Django project, with one worker', { skip: noPython }, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'example-django' })
  const server = await startServer({
    directory: new Project(t, DJANGO).directory,
    args: ['gunicorn'],
    app: 'mysite.wsgi',
    env: { JUMAK_PYTHON: python },
  })
  const page = await fetch(`http://127.0.0.1:${server.port}/`)
  assert.equal(page.status, 200)
  assert.match(await page.text(), /<html/)
  assert.equal(server.log.filter(line => DEFAULTS.test(line)).length, 1)
  assert.ok(
    server.log.some(line => /, workers? 1 × 1 thread/.test(line)),
    server.log.join('\n'),
  )
  await server.stop()
})

test('a link named gunicorn is gunicorn, and its access log is as there', { skip: noPython }, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'example-django' })
  const server = await startServer({
    program: linkToProgram(t, 'gunicorn'),
    directory: new Project(t, DJANGO).directory,
    args: ['-b127.0.0.1:0', '-w2', '--threads=2', '--access-logfi', '-'],
    app: 'mysite.wsgi:application',
    env: { JUMAK_PYTHON: python },
  })
  assert.equal((await fetch(`http://127.0.0.1:${server.port}/?a=1`, { headers: { 'User-Agent': 'me' } })).status, 200)
  await server.stop()
  assert.match(server.stdout.join('\n'), /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/\?a=1 HTTP\/1\.1" 200 \d+ "-" "me"$/m)
})

test('the file, GUNICORN_CMD_ARGS and the words together are the settings', { skip: noPython }, async t => {
  const directory = join(temporaryDirectory(t), 'site')
  cpSync(SITE, directory, { recursive: true })
  mkdirSync(join(directory, 'run'))
  const server = await startServer({
    directory,
    args: ['gunicorn', '--keep-alive', '5'],
    isBound: true,
    env: { GUNICORN_CMD_ARGS: '--threads 2 --env "GREETING=hello there"', SCRIPT_NAME: '/shop' },
  })
  server.expectLog(/gunicorn\.conf\.py: treads is no setting of gunicorn, and does nothing; did you mean threads\?/)
  server.expectLog(/gunicorn\.conf\.py: worker_tmp_dir is not needed: workers write no such files/)
  server.expectLog(/gunicorn\.conf\.py: logconfig_dict is for what the application logs/)
  const headers = ['X-Mark: m1', 'X-Forwarded-Proto: https', 'X-Forwarded-For: 10.9.8.7']
  const { body } = await getOnce(server.target, '/shop/page', ...headers)
  const told = JSON.parse(body.toString())
  assert.deepEqual([told.args, told.kwargs], [['from the file'], { debug: true }])
  assert.equal(told.greeting, 'hello there')
  assert.deepEqual([told.SCRIPT_NAME, told.PATH_INFO], ['/shop', '/page'])
  // gunicorn leaves the client's address to the application.
  assert.deepEqual([told['wsgi.url_scheme'], told.REMOTE_ADDR], ['https', '127.0.0.1'])
  assert.equal(told['wsgi.multithread'], true)
  assert.equal(statSync(join(directory, 'run/site.sock')).mode & 0o777, 0o750)
  // A worker with threads has no deadline for each request: this one takes longer than `timeout` of the file.
  assert.equal((await getOnce(server.target, '/slow')).status, 200)
  await server.stop()
  assert.ok(server.log.some(line => /\[INFO\] asked for \/page$/.test(line)))
  assert.match(server.stdout.join('\n'), /^GET \/shop\/page 200 m1 -$/m)
})

/** What systemd does for a service with a socket: the socket is descriptor 3 of the process. */
const ACTIVATION = `#!/usr/bin/env python3
import os, socket, sys
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
print("port", listening.getsockname()[1], flush=True)
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(os.environ["JUMAK"], ["jumak", *sys.argv[1:]])
`

test('a socket of systemd is taken in place of all addresses', { skip: noPython }, async t => {
  const project = new Project(t, { 'systemd.py': ACTIVATION })
  chmodSync(project.path('systemd.py'), 0o755)
  const server = await startServer({
    program: project.path('systemd.py'),
    directory: SITE,
    args: ['gunicorn', '-b', '127.0.0.1:1', '-c', '/dev/null'],
    app: 'site_app',
    env: { JUMAK: join(ROOT, 'bin/jumak') },
  })
  const port = Number(/^port (\d+)$/m.exec(server.stdout.join('\n'))?.[1])
  assert.equal((await getOnce(port, '/')).status, 200)
  await server.stop()
})

test('exit codes are those of gunicorn, and nothing starts', { skip: noPython }, async () => {
  for (const [words, code, said] of [
    [['--wrokers', '3', 'site_app'], 2, /--wrokers is unknown; did you mean --workers\?/],
    [['-k', 'tornado', 'site_app'], 1, /-k is not supported: it would run an application of Tornado/],
    [['--chdir', 'nowhere', 'site_app'], 1, /--chdir must name a directory that exists/],
    [['-c', 'nowhere.py', 'site_app'], 1, /-c must name a file that exists/],
    [['-c', '/dev/null', '--check-config', 'site_app:nothing'], 1, /has no attribute 'nothing'/],
    [['-b', '127.0.0.1:0', 'nowhere.wsgi'], 3, /there is no module nowhere/],
  ] as const) {
    const ended = await runJumak(['gunicorn', ...words], APPS, { PYTHONPATH: SITE })
    assert.equal(ended.code, code, `${words}: ${ended.stderr}`)
    assert.match(ended.stderr, said)
  }
})
