/** pgAdmin: login, its files, and the socket of its tool psql. No PostgreSQL is needed: what needs one is left out. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Application } from './application.ts'
import { socketio } from './sockets.ts'
import type { Stage } from './stage.ts'
import { found, Visitor } from './visitor.ts'

/** It must stand in the package, which is in an environment of this test's own. */
const CONFIG = `
import os
SERVER_MODE = True
DATA_DIR = os.environ["PGADMIN_DATA"]
LOG_FILE = os.path.join(DATA_DIR, "pgadmin4.log")
SQLITE_PATH = os.path.join(DATA_DIR, "pgadmin4.db")
SESSION_DB_PATH = os.path.join(DATA_DIR, "sessions")
STORAGE_DIR = os.path.join(DATA_DIR, "storage")
AZURE_CREDENTIAL_CACHE_DIR = os.path.join(DATA_DIR, "azure")
KERBEROS_CCACHE_DIR = os.path.join(DATA_DIR, "kerberos")
MASTER_PASSWORD_REQUIRED = False
UPGRADE_CHECK_ENABLED = False
`

const PERSON = { email: 'areum@example.com', password: 'Gr33n-tea' }

async function visit(stage: Stage): Promise<void> {
  const pgadmin = join(await stage.packages(), 'pgadmin4')
  writeFileSync(join(pgadmin, 'config_local.py'), CONFIG)
  const env = {
    PGADMIN_DATA: stage.path('data'),
    PGADMIN_SETUP_EMAIL: PERSON.email,
    PGADMIN_SETUP_PASSWORD: PERSON.password,
  }
  await stage.run([stage.python, join(pgadmin, 'setup.py'), 'setup-db'], env)
  const words = ['--workers=1', '--threads=25', '--chdir', pgadmin, 'pgAdmin4:app']
  const server = await stage.start(words, env)

  const visitor = new Visitor(server.url)
  const login = await visitor.get('/login')
  const token = found(/"csrfToken": *"([^"]+)"|csrfToken&#34;: *&#34;([^&]+)/, login)
  const fields = { ...PERSON, csrf_token: token, internal_button: 'Login', language: 'en' }
  assert.match((await visitor.post('/authenticate/login', fields, 302)).location, /\/browser\//)
  assert.match((await visitor.get('/browser/')).text, /pgAdmin/)
  await visitor.get('/static/js/generated/vendor.main.js')
  stage.check('login, browser, files')

  for (const transports of ['polling', 'websocket', 'polling+websocket']) {
    const said = await socketio(stage, server.url, transports, 'conn_not_allow', '/pty', visitor.cookies)
    const { transport, heard } = said as { transport: string; heard: unknown[][] }
    assert.equal(transport, transports.split('+').at(-1))
    assert.equal(heard[0]?.[0], 'conn_not_allow')
    stage.check(`socket by ${transports}`)
  }
  stage.leaveOut('queries and psql: they need a PostgreSQL server')
  await stage.stop()
}

export const PGADMIN: Application = {
  name: 'pgadmin',
  title: 'pgAdmin 4',
  packages: 'pgadmin',
  costs: '620 MB, some minutes',
  visit,
}
