/** What explain says where there is no `[[site]]`: applications by host and path, their static files, https. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { loaded } from '../../config/testing/applications.ts'
import { explainRequest } from '../../gateway/sites/explained.ts'
import { type Report, reportOf } from './report.ts'
import { makeRequest } from './request.ts'
import { readExplainWords } from './words.ts'

const FILE = `bind = ["http://:8080", ":8443"]
tls-cert = "c.pem"
tls-key = "k.pem"
redirect-to-https = true
hsts = "30d"
[[app]]
name = "shop"
app = "shop.wsgi"
hosts = ["a.kr"]
static = ["/static/=files"]
[[app]]
name = "api"
app = "api.main"
path = "/api"
`
const FILES = { 'c.pem': '', 'k.pem': '', 'files/a.css': 'a {}' }

async function explain(t: TestContext, url: string): Promise<Report> {
  const given = loaded(t, FILE, { files: FILES })
  const words = readExplainWords([url])
  assert.ok('url' in words)
  const asked = makeRequest(words, given.config)
  assert.ok('request' in asked)
  const report = reportOf(await explainRequest(given.config, { ...asked, address: words.from }), asked, given)
  return JSON.parse(JSON.stringify(report).replaceAll(given.environment.cwd, '.'))
}

const stepsOf = ({ steps }: Report) =>
  steps.map(one => `${one.applies ? '+' : '-'} ${one.kind} ${one.what} ${one.result}`)
const settingsOf = ({ settings }: Report) => settings.map(({ name, place }) => `${name} ${place}`)

test('an application by its host, and its file', async t => {
  const there = await explain(t, 'https://a.kr:8443/static/a.css')
  assert.deepEqual(stepsOf(there), [
    '+ application shop a.kr · every path',
    '- application api every host · /api and below',
    '+ static /static/ is there: ./files/a.css',
  ])
  assert.deepEqual(settingsOf(there), ['hsts jumak.toml:5:8', 'static jumak.toml:10:11'])
  assert.ok(there.answer.from === 'file' && there.answer.file === './files/a.css')
  assert.ok(there.answer.headers.includes('Strict-Transport-Security'))
  const missing = await explain(t, 'https://a.kr:8443/static/b.css')
  assert.equal(stepsOf(missing).at(-1), '- static /static/ no such file: ./files/b.css')
  assert.ok(missing.answer.from === 'application' && missing.answer.application === 'shop')
})

test('an application by its path', async t => {
  const report = await explain(t, 'https://b.kr:8443/api/x')
  assert.deepEqual(stepsOf(report)[0], '+ application api every host · /api and below')
  assert.ok(report.answer.from === 'application' && report.answer.scriptName === '/api')
})

test('a plain connection is sent to https', async t => {
  const report = await explain(t, 'http://a.kr:8080/x?y')
  assert.deepEqual(stepsOf(report), [])
  assert.deepEqual(settingsOf(report), ['redirect-to-https jumak.toml:4:21'])
  assert.ok(report.answer.from === 'redirect' && report.answer.headers.includes('https://a.kr:8443/x?y'))
  assert.match(report.remarks.join(), /a certificate that names the host is taken for granted/)
})

test('the listener of a web server in front is named by its protocol', async t => {
  const given = loaded(t, 'bind = "uwsgi://127.0.0.1:3031"\napp = "shop.wsgi"\n', {})
  const words = readExplainWords(['https://a.kr/x'])
  assert.ok('url' in words)
  const asked = makeRequest(words, given.config)
  assert.ok('request' in asked)
  assert.deepEqual([asked.listener, asked.listenerScheme, asked.request.scheme], ['127.0.0.1:3031', 'uwsgi', 'https'])
  assert.equal(
    asked.remarks.at(-1),
    '127.0.0.1:3031 speaks uwsgi: explained as if the web server in front sent this request',
  )
})
