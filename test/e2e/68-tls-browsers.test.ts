/** The clients that people have, over TLS and, where they know it, HTTP/2: curl, Python's ssl, and a browser with Django's admin and the example chat. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../../scripts/lib/command.ts'
import { Browser, CHROMIUM, type Page } from '../support/browser.ts'
import { localAuthority, localCertificate } from '../support/certificates.ts'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { APPS, EXAMPLES, ROOT } from '../support/paths.ts'
import { type Server, startServer, until } from '../support/server.ts'

let plain: Server
before(async () => {
  plain = await startServer({ app: 'plain', directory: APPS, tls: localCertificate(), args: ['-w', '1'] })
})
after(() => plain.stop())

/** `path`: of a URL on the program. */
const curl = (path: string, ...args: string[]) =>
  run('curl', [
    '--silent',
    '--show-error',
    '--resolve',
    `localhost:${plain.port}:127.0.0.1`,
    ...args,
    `https://localhost:${plain.port}${path}`,
  ])

test('curl', async () => {
  const trust = ['--cacert', localAuthority().file]
  const facts = ['--write-out', '\n%{http_version} %{ssl_verify_result} %{num_connects}']
  // It offers HTTP/2 first.
  for (const version of ['--tlsv1.3', '--tls-max=1.2'])
    assert.equal(
      (await curl('/hello', ...trust, ...facts, ...version.split('='))).output,
      'Hello, world!\n2 0 1',
      version,
    )
  const sent = await curl('/echo', ...trust, '--data-binary', `@${join(ROOT, 'package-lock.json')}`, '--output', '-')
  assert.ok(sent.output.startsWith('{\n  "name": "jumak"'))
  const stranger = await curl('/hello')
  assert.equal(stranger.code, 60, stranger.output)
})

const PYTHON = `
import http.client, json, ssl, sys

port, authority = int(sys.argv[1]), sys.argv[2]
answers = []
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=authority)
    context.maximum_version = version
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
    for path in ("/hello", "/bytes/300000"):
        connection.request("GET", path)
        response = connection.getresponse()
        answers.append([connection.sock and connection.sock.version(), response.status, len(response.read())])
    connection.close()
try:
    http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context()).request("GET", "/")
except ssl.SSLCertVerificationError:
    answers.append("not trusted")
print(json.dumps(answers))
`

test("Python's ssl", { skip: await whyNoPython() }, async () => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
  const { code, output } = await run(python, ['-c', PYTHON, String(plain.port), localAuthority().file])
  assert.equal(code, 0, output)
  const each = (version: string) => [
    [version, 200, 13],
    [version, 200, 300_000],
  ]
  assert.deepEqual(JSON.parse(output), [...each('TLSv1.2'), ...each('TLSv1.3'), 'not trusted'])
})

const skip = CHROMIUM ? await whyNoPython() : 'chromium is not installed'

/** Across a navigation, which ends what is evaluated. */
async function untilPage(page: Page, condition: string): Promise<void> {
  await until(
    () => page.evaluate(`document.readyState === 'complete' && (${condition})`).catch(() => false),
    () => `${condition} never came true`,
  )
}

/** By the browser's own network log. */
function assertHttp2({ responses }: Page): void {
  assert.ok(responses.length > 1)
  assert.deepEqual(
    responses.filter(one => !/^(?:h2 https:|WebSocket 200$)/.test(one)),
    [],
  )
}

test("Django's admin in a browser: log-in with its CSRF check, and a change", { skip }, async () => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'example-django' })
  const directory = join(EXAMPLES, 'django-shop')
  const data = mkdtempSync(join(tmpdir(), 'jumak-shop-'))
  const env = { SHOP_DATA: data }
  const prepared = await run(python, ['manage.py', 'prepare'], { cwd: directory, env })
  assert.equal(prepared.code, 0, prepared.output)
  const server = await startServer({ directory, python, env, tls: localCertificate(), args: ['-w', '1'] })
  const browser = await Browser.launch(localCertificate().certificate)
  const page = await browser.open(`${server.url}/admin/auth/group/add/`)
  await page.type('[name=username]', 'admin')
  await page.type('[name=password]', 'jumak')
  await page.press('Enter')
  await untilPage(page, `document.querySelector('#id_name') !== null`)
  await page.type('#id_name', 'Cooks')
  await page.press('Enter')
  await untilPage(page, `document.querySelector('.messagelist .success')?.textContent.includes('Cooks')`)
  assert.equal(await page.evaluate(`location.protocol + ' ' + isSecureContext`), 'https: true')
  assertHttp2(page)
  await page.screenshot('tls-admin')
  await browser.close()
  await server.stop()
  rmSync(data, { recursive: true })
})

test('the example chat in two browser windows, over wss', { skip }, async () => {
  const server = await startServer({
    program: 'npm',
    args: ['start', '--', 'chat', '-b', '127.0.0.1:0', '-w', '1', '--access-log', '-'],
    directory: ROOT,
    tls: localCertificate(),
  })
  const browser = await Browser.launch(localCertificate().certificate)
  const [mina, jun] = [await browser.open(server.url), await browser.open(server.url)]
  await mina.type('[name=name]', 'Mina')
  await mina.click('[name=text]')
  await mina.waitFor(`document.querySelector('#status').textContent.startsWith('You sit with worker')`)
  await jun.type('[name=name]', 'Jun')
  await jun.type('[name=text]', 'Is the soup ready?')
  await jun.press('Enter')
  await mina.waitFor(
    `[...document.querySelectorAll('li:not(.mine)')].some(one => one.textContent.includes('Is the soup ready?'))`,
  )
  assert.equal(await mina.evaluate('location.protocol'), 'https:')
  // On the connection of the page (RFC8441): a WebSocket of HTTP/1.1 has status 101.
  await until(
    () => mina.responses.includes('WebSocket 200'),
    () => mina.responses.join('\n'),
  )
  assertHttp2(mina)
  await browser.close()
  await server.stop()
  for (const name of ['Mina', 'Jun'])
    assert.ok(server.stdout.some(line => line.includes(`"GET /chat?name=${name} HTTP/2.0" 200 `)))
})
