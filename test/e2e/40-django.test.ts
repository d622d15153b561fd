/** The example Django project as its visitors use it, on the oldest and the newest Python at hand. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run } from '../../scripts/lib/command.ts'
import { CHROMIUM, FLAGS } from '../support/browser.ts'
import { ensureEnvironment, testedPythons, whyNoPython } from '../support/environments/environments.ts'
import { EXAMPLES } from '../support/paths.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { type Server, startServer } from '../support/server.ts'

const PROJECT = join(EXAMPLES, 'django-shop')

/** Keeps cookies, as a browser does. */
class Visitor {
  readonly #base: string
  readonly #cookies = new Map<string, string>()

  constructor(base: string) {
    this.#base = base
  }

  async fetch(path: string, options: RequestInit = {}): Promise<Response> {
    const headers = new Headers(options.headers)
    headers.set('Cookie', [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(this.#base + path, { redirect: 'manual', ...options, headers })
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(';')
      const [name, value] = pair!.split('=') as [string, string]
      this.#cookies.set(name, value)
    }
    return response
  }

  /** Opens the page for its form's token, then posts. */
  async post(page: string, path: string, fields: Record<string, string | Blob>): Promise<Response> {
    const html = await (await this.fetch(page)).text()
    const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(html)?.[1]
    assert.ok(token, `${page} has a form with a token`)
    const form = new FormData()
    form.set('csrfmiddlewaretoken', token)
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    return this.fetch(path, { method: 'POST', body: form })
  }
}

for (const { version } of await testedPythons()) {
  describe(`the example Django project on Python ${version}`, { skip: await whyNoPython() }, () => {
    let server: Server
    let data: string

    before(async () => {
      const { python } = await ensureEnvironment({ python: version, packages: 'example-django' })
      data = mkdtempSync(join(tmpdir(), 'jumak-shop-'))
      const prepared = await run(python, ['manage.py', 'prepare'], { cwd: PROJECT, env: { SHOP_DATA: data } })
      assert.equal(prepared.code, 0, prepared.output)
      server = await startServer({ directory: PROJECT, python, env: { SHOP_DATA: data } })
      await getOnce(server.port, '/', 'Host: localhost')
      server.rememberFds()
    })
    after(async () => {
      await server.stop()
      rmSync(data, { recursive: true })
    })

    test('is found by its manage.py, and said so', () => {
      assert.ok(
        server.log.some(line => /manage\.py/.test(line) && /shop\.wsgi/.test(line)),
        server.log.join('\n'),
      )
      assert.ok(
        server.log.some(line => /Django \d/.test(line)),
        'the framework is named',
      )
    })

    test('log-in to the admin with CSRF and session; its styles are served', async () => {
      const visitor = new Visitor(server.url)
      const refused = await visitor.fetch('/admin/login/', {
        method: 'POST',
        body: new URLSearchParams({ username: 'admin' }),
      })
      assert.equal(refused.status, 403)
      const answer = await visitor.post('/admin/login/', '/admin/login/?next=/admin/', {
        username: 'admin',
        password: 'jumak',
      })
      assert.equal(answer.status, 302)
      const page = await (await visitor.fetch('/admin/')).text()
      assert.match(page, /Log out/)
      const style = /href="([^"]+\.css)"/.exec(page)![1]!
      const css = await visitor.fetch(style)
      assert.equal(css.status, 200)
      assert.match(css.headers.get('content-type')!, /text\/css/)
    })

    test('20 MB go up, and come down the same', async () => {
      const visitor = new Visitor(server.url)
      const content = randomBytes(20 * 1024 * 1024)
      const answer = await visitor.post('/', '/parcels/', { content: new File([content], 'twenty.bin') })
      assert.equal(answer.status, 302)
      const page = await (await visitor.fetch('/')).text()
      const link = /href="(\/parcels\/\d+\/)"/.exec(page)![1]!
      const download = await visitor.fetch(link)
      assert.equal(download.headers.get('content-length'), String(content.length))
      assert.ok(Buffer.from(await download.arrayBuffer()).equals(content))
    })

    test('a streaming page arrives line by line', async () => {
      // It is complete after 99 seconds: a client that got all of it at once would have waited in vain.
      const client = new RawClient(server.port).get('/ticks/?n=100&delay=1', 'Host: localhost')
      for (const tick of [1, 2]) await client.readUntil(`tick ${tick} of 100 `)
      client.close()
    })

    test('a page that crashes: 500 without secrets, the traceback in the log', async () => {
      const response = await getOnce(server.port, '/crash/', 'Host: localhost')
      assert.equal(response.status, 500)
      assert.ok(!response.body.toString().includes('Traceback'))
      await server.waitForLog(/ worker \d +\[\S+\] KeyError: 'three'$/)
    })

    test('in a browser', { skip: CHROMIUM ? false : 'chromium is not installed' }, async () => {
      const picture = join(data, 'page.png')
      const profile = mkdtempSync(join(tmpdir(), 'jumak-chromium-'))
      const where = [`--user-data-dir=${profile}`, `--screenshot=${picture}`, '--window-size=1280,1600']
      const html = await run(CHROMIUM!, [...FLAGS, `--user-data-dir=${profile}`, '--dump-dom', `${server.url}/`])
      assert.match(html.output, /jumak\/\d/)
      assert.equal((await run(CHROMIUM!, [...FLAGS, ...where, `${server.url}/`])).code, 0)
      assert.ok(statSync(picture).size > 5000, 'there is something in the picture')
      rmSync(profile, { recursive: true, force: true })
      const keep = process.env['SCREENSHOTS']
      if (keep) copyFileSync(picture, join(keep, `example-${version}.png`))
    })
  })
}
