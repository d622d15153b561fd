/** pypiserver, by a file of PasteDeploy with two of them: an upload, and pip as its client. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import type { Application } from './application.ts'
import type { Stage } from './stage.ts'
import { Visitor } from './visitor.ts'

const INI = `
[composite:main]
use = egg:Paste#urlmap
/old = old
/ = packages

[app:old]
use = egg:pypiserver#main
roots = %(here)s/old
disable_fallback = true

[app:packages]
use = egg:pypiserver#main
roots = %(here)s/packages
authenticate = update
passwords = %(here)s/passwords
disable_fallback = true
`

const MAKE_PASSWORDS = `
from passlib.apache import HtpasswdFile
file = HtpasswdFile("passwords", new=True)
file.set_password("areum", "a secret")
file.save()
`
const AREUM = { Authorization: `Basic ${btoa('areum:a secret')}` }

/** A package with one module. */
const MAKE_WHEEL = `
import zipfile
info = "tea-1.0.dist-info/"
with zipfile.ZipFile("tea-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("tea.py", "kind = 'green'\\n")
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: tea\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
`

async function visit(stage: Stage): Promise<void> {
  stage.save('production.ini', INI)
  for (const root of ['old', 'packages']) mkdirSync(stage.path(root))
  await stage.run([stage.python, '-c', MAKE_WHEEL])
  await stage.run([stage.python, '-c', MAKE_PASSWORDS])
  const server = await stage.start(['-w', '4', '--paste', 'production.ini'])
  const visitor = new Visitor(server.url)
  assert.match((await visitor.get('/')).text, /pypiserver/)
  assert.match((await visitor.get('/old/')).text, /\/old\/simple\//)
  stage.check('two by prefix')

  const form = new FormData()
  form.set(':action', 'file_upload')
  const wheel = readFileSync(stage.path('tea-1.0-py3-none-any.whl'))
  form.set('content', new File([wheel], 'tea-1.0-py3-none-any.whl'))
  assert.equal((await visitor.ask('/', { method: 'POST', body: form })).status, 401)
  const uploaded = await visitor.ask('/', { method: 'POST', body: form, headers: AREUM })
  assert.equal(uploaded.status, 200, uploaded.text)
  stage.check('upload, with a password')

  const index = ['--index-url', `${server.url}/simple/`, '--no-cache-dir', '--disable-pip-version-check']
  await stage.run([stage.python, '-m', 'pip', 'install', '--quiet', '--target', 'installed', ...index, 'tea'])
  assert.equal(readFileSync(stage.path('installed/tea.py'), 'utf8'), "kind = 'green'\n")
  stage.check('pip installs it')
  await stage.stop()
}

export const PYPISERVER: Application = {
  name: 'pypiserver',
  title: 'pypiserver by PasteDeploy',
  packages: 'pypiserver',
  costs: '30 MB',
  visit,
}
