/** py4web, web2py's heir, with the applications that it brings: its dashboard, its showcase, and its scaffold, where a person registers. */
import assert from 'node:assert/strict'
import type { Application } from './application.ts'
import type { Stage } from './stage.ts'
import { found, Visitor } from './visitor.ts'

const WSGI = `
from py4web.core import wsgi
application = wsgi(password_file="password.txt", dashboard_mode="full", apps_folder="apps")
`

async function visit(stage: Stage): Promise<void> {
  await stage.run(['py4web', 'setup', '-Y', 'apps'])
  await stage.run(['py4web', 'set_password', '--password', 'a secret'])
  stage.save('py4web_wsgi.py', WSGI)
  // Nobody reads mail here.
  stage.save('apps/_scaffold/settings_private.py', 'VERIFY_EMAIL = False\n')
  const server = await stage.start(['-w', '2', 'py4web_wsgi:application'])

  const admin = new Visitor(server.url)
  assert.match((await admin.get('/showcase')).text, /showcase/i)
  await admin.get('/_scaffold/static/favicon.ico')
  stage.check('showcase, static file')
  assert.equal((await admin.json('/_dashboard/login', { password: 'wrong' }))['user'], false)
  assert.equal((await admin.json('/_dashboard/login', { password: 'a secret' }))['user'], true)
  const { payload } = await admin.json('/_dashboard/apps')
  assert.ok(
    (payload as { name: string }[]).some(({ name }) => name === 'showcase'),
    JSON.stringify(payload),
  )
  stage.check('dashboard: login, list')

  const person = new Visitor(server.url)
  const names = { username: 'areum', first_name: 'Areum', last_name: 'Kim', email: 'areum@example.com' }
  const password = 'Gr33n-tea-is-good'
  const fields = { ...names, password, password_again: password }
  await sendForm(person, '/_scaffold/auth/register', fields)
  await sendForm(person, '/_scaffold/auth/login', { email: names.email, password })
  assert.match((await person.get('/_scaffold/auth/profile')).text, /areum@example\.com/)
  stage.check('scaffold: a person registers and logs in')
  await stage.stop()
}

/** With its hidden fields. */
async function sendForm(person: Visitor, path: string, fields: Readonly<Record<string, string>>) {
  const form = await person.get(path)
  const [name, key] = ['_formname', '_formkey'].map(one => found(new RegExp(`name="${one}"[^>]*value="([^"]+)"`), form))
  return person.post(path, { ...fields, _formname: name!, _formkey: key! }, 303)
}

export const PY4WEB: Application = {
  name: 'py4web',
  title: 'py4web and its applications',
  packages: 'py4web',
  costs: '100 MB',
  visit,
}
