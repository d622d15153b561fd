/** Targets with raw bytes above 0x7f (`curl http://host/한글`): the application, a static file and the access log see them percent-encoded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whyNoPython } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer } from '../support/server.ts'

const skip = await whyNoPython()
const raw = (text: string) => Buffer.from(text, 'utf8').toString('latin1')

test('WSGI, static files and the access log', { skip }, async t => {
  const { directory } = new Project(t, { '그림/주막 {1}.txt': 'open' })
  const server = await startServer({
    app: 'plain',
    directory: APPS,
    args: ['-w', '1', '--static', `/files=${directory}`, '--access-log', '-', '--access-log-format', '%(r)s %(s)s'],
  })
  const client = new RawClient(server.port)
  const environ = JSON.parse((await client.get(raw('/environ/한글?q=주&p=%20')).response()).body.toString())
  assert.equal(Buffer.from(environ.PATH_INFO, 'latin1').toString(), '/environ/한글')
  assert.equal(environ.RAW_URI, '/environ/%ED%95%9C%EA%B8%80?q=%EC%A3%BC&p=%20')
  assert.equal(environ.QUERY_STRING, 'q=%EC%A3%BC&p=%20')
  const broken = JSON.parse((await client.get('/environ/\xe9').response()).body.toString())
  assert.equal(broken.PATH_INFO, '/environ/\xe9')
  const lenient = JSON.parse((await client.get('/environ/a|b"<{^`}>\\?[x]').response()).body.toString())
  assert.deepEqual([lenient.PATH_INFO, lenient.QUERY_STRING], ['/environ/a|b"<{^`}>\\', '[x]'])
  assert.equal((await client.get(raw('/files/그림/주막%20{1}.txt')).response()).body.toString(), 'open')
  assert.equal((await client.get(raw('/files/그림/%EC%A3%BC막%20{1}.txt')).response()).body.toString(), 'open')
  assert.equal((await client.get(raw('/environ/한 글')).response()).status, 400)
  client.close()
  await server.stop()
  assert.deepEqual(server.stdout.slice(0, 3), [
    'GET /environ/%ED%95%9C%EA%B8%80?q=%EC%A3%BC&p=%20 HTTP/1.1 200',
    'GET /environ/%E9 HTTP/1.1 200',
    'GET /environ/a|b\\"<{^`}>\\\\?[x] HTTP/1.1 200',
  ])
  assert.match(server.stdout[3]!, /^GET \/files\/%EA%B7%B8%EB%A6%BC\/%EC%A3%BC%EB%A7%89%20\{1\}\.txt HTTP\/1\.1 200$/)
})

test('ASGI', { skip }, async () => {
  const server = await startServer({ app: 'asgi_raw:application', directory: APPS, args: ['-w', '1'] })
  const client = new RawClient(server.port)
  const scope = JSON.parse((await client.get(raw('/한글?q=주')).response()).body.toString())
  client.close()
  assert.deepEqual(scope, { path: '/한글', raw_path: '/%ED%95%9C%EA%B8%80', query_string: 'q=%EC%A3%BC' })
  await server.stop()
})
