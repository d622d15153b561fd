/** The operator's own pages for errors, from every place that answers one: dead workers, limits, broken requests, static files. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { whyNoPython } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient, withClient } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

const skip = await whyNoPython()

function makePages(t: TestContext): string {
  const statuses = [400, 404, 413, 414, 431, 500, 502, 503, 504]
  const html = statuses.map(status => [`${status}.html`, `<p>our ${status} ☕`])
  return new Project(t, { 'static/here.txt': 'here', '502.json': '{"ours":502}', ...Object.fromEntries(html) })
    .directory
}

const pagesOf = (directory: string, ...names: string[]): string[] =>
  names.flatMap(name => ['--error-page', `${name.slice(0, 3)}=${join(directory, name)}`])

test('HTML and JSON for what the gateway answers itself, and nothing else', { skip }, async t => {
  const pages = makePages(t)
  const names = [
    '400.html',
    '404.html',
    '413.html',
    '414.html',
    '431.html',
    '500.html',
    '502.html',
    '502.json',
    '504.html',
  ]
  const limits = ['--limit-request-body', '1K', '--limit-request-line', '1K', '--limit-request-header-size', '2K']
  const args = ['-w', '1', '--timeout', '1s', '--static', `/static=${join(pages, 'static')}`, '--static', `/=${pages}`]
  const server = await startServer({
    app: 'plain',
    directory: APPS,
    args: [...args, ...limits, ...pagesOf(pages, ...names), '--retry', 'off'],
  })
  server.expectLog(
    /worker \d \(process \d+\) was killed by SIGKILL/,
    /GET \/kill was on worker \d when its link broke \(closed by the worker\): answered 502/,
    /worker \d is replaced: GET \/sleep has run for \d+ ms/,
    /worker \d stands here:$/,
    /warn +master +\[\S+\] {3,}\S/,
  )
  server.expectLog(/GET \/crash failed in worker/)
  for (const setting of ['body', 'line', 'header-size'])
    server.expectLog(new RegExp(`refused 127.0.0.1: .*limit-request-${setting}`))
  const ask = (text: string) => withClient(server.port, client => client.send(text).response())
  const get = (path: string, ...lines: string[]) => getOnce(server.port, path, ...lines)

  const html = await get('/kill', 'Accept: text/html')
  assert.deepEqual([html.status, html.body.toString()], [502, '<p>our 502 ☕'])
  assert.equal(html.header('content-type'), 'text/html; charset=utf-8')
  assert.equal(html.header('cache-control'), 'no-store')
  assert.match(html.header('x-request-id') ?? '', /^[0-9a-z]{8}-/)
  await server.waitForLog(new RegExp(`${html.header('x-request-id')!}.*GET /kill was on worker`))
  const json = await get('/kill', 'Accept: application/json')
  assert.deepEqual(
    [json.status, json.body.toString(), json.header('content-type')],
    [502, '{"ours":502}', 'application/json'],
  )

  assert.equal((await get('/sleep?s=60')).body.toString(), '<p>our 504 ☕')
  assert.equal((await get('/crash')).body.toString(), '<p>our 500 ☕')
  const long = 'x'.repeat(1500)
  const refused = {
    400: 'GET / HTTP/1.1\r\n\r\n',
    413: 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n',
    414: `GET /${long} HTTP/1.1\r\nHost: a\r\n\r\n`,
    431: `GET / HTTP/1.1\r\nHost: a\r\nA: ${long}\r\nB: ${long}\r\n\r\n`,
  }
  for (const [status, text] of Object.entries(refused)) {
    const response = await ask(text)
    assert.deepEqual([response.status, response.body.toString()], [Number(status), `<p>our ${status} ☕`])
    assert.match(response.header('x-request-id') ?? '', /^[0-9a-z]{8}-/)
  }
  // As long as it would be, and not there.
  const client = new RawClient(server.port).send('HEAD /static/missing.css HTTP/1.1\r\nHost: a\r\n\r\n')
  const head = await client.response('HEAD')
  assert.equal(head.header('content-length'), String(Buffer.byteLength('<p>our 404 ☕')))
  assert.equal((await client.get('/static/missing.css').response()).body.toString(), '<p>our 404 ☕')
  client.close()
  assert.equal((await get('/static/here.txt')).body.toString(), 'here')
  // The application's: its own errors, what is not below a static URL, or where all is below one.
  const own = await get('/status/502')
  assert.deepEqual([own.status, own.body.toString()], [502, ''])
  const nothing = await get('/nothing')
  assert.deepEqual([nothing.status, nothing.body.toString()], [404, 'no such path: nothing'])
  await server.stop()
})

test('HUP reads them anew; one that is missing then changes nothing, and is named', { skip }, async t => {
  const pages = makePages(t)
  const args = ['-w', '1', '--limit-request-body', '1K', ...pagesOf(pages, '413.html')]
  const server = await startServer({ app: 'plain', directory: APPS, args })
  server.expectLog(/--error-page must name a file that exists/, /nothing changes/)
  const tooLarge = () =>
    withClient(server.port, async client => {
      client.send('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n')
      return (await client.response()).body.toString()
    })
  assert.equal(await tooLarge(), '<p>our 413 ☕')
  writeFileSync(join(pages, '413.html'), 'smaller, please')
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  assert.equal(await tooLarge(), 'smaller, please')
  rmSync(join(pages, '413.html'))
  server.signal('SIGHUP')
  await server.waitForLog(/nothing changes/)
  assert.equal(await tooLarge(), 'smaller, please')
  await server.stop()
})
