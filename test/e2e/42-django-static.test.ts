/**
 * Static files of a real Django project: below the script prefix, by its finders while it is developed, and why there are none. Files that a
 * view sends by X-Sendfile.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ensureEnvironment, testedPythons, whyNoPython } from '../support/environments/environments.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, type ServerOptions, startServer } from '../support/server.ts'

const SETTINGS = `
import os
from pathlib import Path
MEDIA_ROOT = Path(__file__).resolve().parent.parent / "media"
SECRET_KEY = "x" * 50
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "inn.urls"
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                  "django.contrib.messages", "django.contrib.staticfiles", "soup"]
STATIC_URL = os.environ.get("INN_URL", "static/")
STATIC_ROOT = os.environ.get("INN_ROOT")
FORCE_SCRIPT_NAME = os.environ.get("INN_PREFIX")
DATABASES = {}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages"]}}]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
`
/** What `static()` and `reverse()` say in the first request of a process. */
const URLS = `
from django.conf import settings
from django.contrib import admin
from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import path, reverse

def home(request):
    untouched = "STATIC_URL" not in vars(settings)
    return HttpResponse("%s %s %s" % (untouched, static("a.css"), reverse("home")))

def download(request, name):
    """As the backend xsendfile of django-sendfile2 does it."""
    response = HttpResponse(content_type="application/pdf")
    response["Content-Disposition"] = 'attachment; filename="invoice.pdf"'
    response["X-Sendfile"] = str(settings.MEDIA_ROOT / name)
    del response["Content-Length"]
    return response

urlpatterns = [path("", home, name="home"), path("admin/", admin.site.urls), path("download/<path:name>", download)]
`
const entry = (kind: 'asgi' | 'wsgi') =>
  `import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "inn.settings")\n` +
  `from django.core.${kind} import get_${kind}_application\napplication = get_${kind}_application()\n`
const FILES = {
  'inn/__init__.py': '',
  'inn/settings.py': SETTINGS,
  'inn/urls.py': URLS,
  'inn/wsgi.py': entry('wsgi'),
  'inn/asgi.py': entry('asgi'),
  'soup/__init__.py': '',
  'soup/static/soup.css': 'soup {}',
  'collected/a.css': 'collected {}',
  'media/invoice.pdf': 'an invoice',
}

const stylesOf = (page: string) => [...page.matchAll(/href="([^"]+\.css)"/g)].map(match => match[1]!)

for (const { version } of await testedPythons()) {
  for (const kind of ['wsgi', 'asgi'] as const)
    describe(`Django by ${kind.toUpperCase()} on Python ${version}`, { skip: await whyNoPython() }, () => {
      async function start(project: Project, args: readonly string[], env: ServerOptions['env'] = {}): Promise<Server> {
        const { python } = await ensureEnvironment({ python: version, packages: 'asgi' })
        const { directory } = project
        const app = `inn.${kind}:application`
        return startServer({
          app,
          directory,
          python,
          args: ['-w', '1', ...args],
          env: { INN_ROOT: 'collected', ...env },
        })
      }

      async function get({ port }: Server, path: string): Promise<[number, string]> {
        const { status, body } = await getOnce(port, path)
        return [status, body.toString()]
      }

      test('what the first request finds is what Django makes of it, below a prefix and with --static off', async t => {
        const project = new Project(t, FILES)
        for (const [args, env, path, said] of [
          [[], {}, '/', 'True /static/a.css /'],
          [['--root-path', '/shop'], {}, '/shop/', 'True /shop/static/a.css /shop/'],
          [['--root-path', '/shop', '--static', 'off'], {}, '/shop/', 'True /shop/static/a.css /shop/'],
          [['--reload', '--root-path', '/shop'], {}, '/shop/', 'True /shop/static/a.css /shop/'],
          [['--preload', 'off'], { INN_PREFIX: '/inn' }, '/', 'True /inn/static/a.css /inn/'],
        ] as const) {
          // Django's versions differ in what FORCE_SCRIPT_NAME does to an ASGI path.
          if (kind === 'asgi' && 'INN_PREFIX' in env) continue
          const server = await start(project, args, env)
          assert.deepEqual(await get(server, path), [200, said], args.join(' '))
          await server.stop()
        }
      })

      test('while developing the finders are asked: the admin has its styles, and a new file is there at once', async t => {
        const project = new Project(t, FILES)
        for (const [args, prefix] of [
          [[], ''],
          [['--root-path', '/shop'], '/shop'],
        ] as const) {
          const server = await start(project, ['--reload', ...args])
          assert.match(
            await server.waitForLog(/ static +/),
            /static\/ from the finders of django\.contrib\.staticfiles/,
          )
          const [status, page] = await get(server, `${prefix}/admin/login/`)
          assert.equal(status, 200)
          const styles = stylesOf(page)
          assert.ok(styles.length > 1 && styles.every(style => style.startsWith(`${prefix}/static/admin/`)), page)
          for (const style of styles) {
            const response = await getOnce(server.port, style)
            assert.deepEqual([response.status, response.header('content-type')], [200, 'text/css'])
            assert.ok(response.body.length > 0)
          }
          assert.deepEqual(await get(server, `${prefix}/static/soup.css`), [200, 'soup {}'])
          // A proxy may have stripped the prefix.
          assert.deepEqual(await get(server, '/static/soup.css'), [200, 'soup {}'])
          assert.equal((await get(server, `${prefix}/static/new${prefix.length}.css`))[0], 404)
          project.save(`soup/static/new${prefix.length}.css`, 'new {}')
          assert.deepEqual(await get(server, `${prefix}/static/new${prefix.length}.css`), [200, 'new {}'])
          // What was collected may be old: the finders know nothing of it.
          assert.equal((await get(server, `${prefix}/static/a.css`))[0], 404)
          assert.equal((await get(server, `${prefix}/static/../inn/settings.py`))[0], 404)
          assert.equal((await get(server, `${prefix}/static/%2e%2e/%2e%2e/inn/settings.py`))[0], 404)
          await server.stop()
        }
      })

      // What the master and the gateway make of it is the same for both.
      if (kind === 'asgi') return

      test('X-Sendfile: a file of sendfile-roots, outside of sites and in one; any other is not there', async t => {
        const project = new Project(t, FILES)
        const ask = ({ target }: Server, path: string, ...headers: string[]) => getOnce(target, path, ...headers)
        const plain = await start(project, ['--sendfile-roots', 'media'])
        const answer = await ask(plain, '/download/invoice.pdf', 'Range: bytes=3-')
        assert.deepEqual([answer.status, answer.body.toString()], [206, 'invoice'])
        assert.equal(answer.header('content-type'), 'application/pdf')
        assert.equal(answer.header('content-disposition'), 'attachment; filename="invoice.pdf"')
        assert.equal(answer.header('x-sendfile'), undefined)
        plain.expectLog(/warn .*X-Sendfile: '\S+\/inn\/settings\.py' is below none of the sendfile-roots of default/)
        for (const name of ['/../inn/settings.py', `${project.directory}/inn/settings.py`, '.env', 'nothing.pdf'])
          assert.equal((await ask(plain, `/download/${name}`)).status, 404, name)
        await plain.stop()

        const site = '[[site]]\nerror-page = ["404 /gone.txt"]\nlocations = [\n  { match = "/", app = "default" },\n'
        project.save('jumak.toml', `sendfile-roots = "media"\n${site}  { match = "/gone.txt", root = "pages" },\n]\n`)
        project.save('pages/gone.txt', 'it has gone')
        const inSite = await start(project, [])
        assert.equal((await ask(inSite, '/download/invoice.pdf')).body.toString(), 'an invoice')
        const gone = await ask(inSite, '/download/nothing.pdf')
        assert.deepEqual([gone.status, gone.body.toString()], [404, 'it has gone'])
        await inSite.stop()
      })

      test('collected files are where the pages name them, and where a proxy that strips the prefix asks', async t => {
        const project = new Project(t, FILES)
        for (const [args, env, paths, line] of [
          [
            ['--root-path', '/shop'],
            {},
            ['/shop/static/a.css', '/static/a.css'],
            /static +\/shop\/static\/ from .*\/collected/,
          ],
          [
            [],
            { INN_PREFIX: '/inn' },
            ['/inn/static/a.css', '/static/a.css'],
            /static +\/inn\/static\/ and \/static\/ from/,
          ],
          [[], { INN_URL: '/s/' }, ['/s/a.css'], /static +\/s\/ from .*\/collected \(STATIC_ROOT\)$/],
        ] as const) {
          const server = await start(project, args, env)
          await server.waitForLog(line)
          for (const path of paths) assert.deepEqual(await get(server, path), [200, 'collected {}'], path)
          await server.stop()
        }
      })

      test('the start says why there are none', async t => {
        const project = new Project(t, FILES)
        for (const [args, env, why] of [
          [[], { INN_ROOT: '' }, 'STATIC_ROOT is not set'],
          [[], { INN_ROOT: '/x/y' }, 'STATIC_ROOT /x/y does not exist: run manage.py collectstatic'],
          [[], { INN_ROOT: '.' }, `STATIC_ROOT ${project.directory} holds the project, whose code it would publish`],
          [[], { INN_URL: 'https://cdn.example/' }, 'STATIC_URL is on another host'],
          [['--static', 'off'], {}, '--static off'],
        ] as const) {
          const server = await start(project, args, env)
          assert.ok((await server.waitForLog(/ static +/)).endsWith(`none: ${why}`), server.log.join('\n'))
          await server.stop()
        }
      })

      test('without DEBUG, or with --static off, a development server asks no finders', async t => {
        const project = new Project(t, { ...FILES, 'inn/settings.py': `${SETTINGS}DEBUG = False\n` })
        const collected = await start(project, ['--reload'])
        await collected.waitForLog(/static +\/static\/ from .*\(STATIC_ROOT\)/)
        assert.deepEqual(await get(collected, '/static/a.css'), [200, 'collected {}'])
        assert.equal((await get(collected, '/static/soup.css'))[0], 404)
        await collected.stop()
        const off = await start(new Project(t, FILES), ['--reload', '--static', 'off'])
        assert.equal((await get(off, '/static/soup.css'))[0], 404)
        await off.stop()
      })
    })
}
