/** Superset with gevent: its database is made, a person logs in, the API is asked, many requests wait at a time. */
import assert from 'node:assert/strict'
import type { Application } from './application.ts'
import type { Stage } from './stage.ts'
import { found, Visitor } from './visitor.ts'

const CONFIG = `
import os
HERE = os.path.dirname(os.path.abspath(__file__))
SECRET_KEY = "of this test only, and long enough for Superset"
SQLALCHEMY_DATABASE_URI = "sqlite:///" + os.path.join(HERE, "superset.db")
TALISMAN_ENABLED = False
`
const PERSON = { username: 'areum', password: 'Gr33n-tea' }

async function visit(stage: Stage): Promise<void> {
  stage.save('superset_config.py', CONFIG)
  const env = { SUPERSET_CONFIG_PATH: stage.path('superset_config.py'), FLASK_APP: 'superset' }
  await stage.run(['superset', 'db', 'upgrade'], env)
  stage.check('set up')
  const names = ['--firstname', 'Areum', '--lastname', 'Kim', '--email', 'areum@example.com']
  const credentials = ['--username', PERSON.username, '--password', PERSON.password]
  await stage.run(['superset', 'fab', 'create-admin', ...credentials, ...names], env)
  await stage.run(['superset', 'init'], env)

  // As its documents have it, without the address of StatsD.
  const words = [
    '-w',
    '2',
    '-k',
    'gevent',
    '--worker-connections',
    '1000',
    '--timeout',
    '120',
    '--limit-request-line',
    '0',
  ]
  const server = await stage.start([...words, '--limit-request-field_size', '0', 'superset.app:create_app()'], env)
  const visitor = new Visitor(server.url)
  assert.equal((await visitor.get('/health')).text, 'OK')
  const form = await visitor.get('/login/')
  const token = found(/name="csrf_token"[^>]*value="([^"]+)"|csrf_token&#34;: *&#34;([^&]+)/, form)
  const { location } = await visitor.post('/login/', { ...PERSON, csrf_token: token }, 302)
  assert.match((await visitor.get('/superset/welcome/')).text, /Superset/)
  stage.check(`login, and on to ${location}`)
  await visitor.get(found(/"(\/static\/assets\/[^"]+\.js)"/, form))
  stage.check('static file')
  const { access_token: bearer } = await visitor.json('/api/v1/security/login', {
    ...PERSON,
    provider: 'db',
    refresh: true,
  })
  const api = { Authorization: `Bearer ${bearer}` }
  assert.equal((await visitor.json('/api/v1/dashboard/', null, api))['count'], 0)
  stage.check('API')
  await Promise.all([...Array(200)].map(() => new Visitor(server.url).get('/health')))
  stage.check('200 requests at a time')
  await stage.stop()
}

export const SUPERSET: Application = {
  name: 'superset',
  title: 'Superset with gevent',
  packages: 'superset',
  costs: '850 MB, ten minutes the first time',
  visit,
}
