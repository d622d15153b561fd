/** Zope by the file of PasteDeploy that it makes: management pages, their files, a folder that is added and found again after a restart. */
import assert from 'node:assert/strict'
import type { Application } from './application.ts'
import type { Stage } from './stage.ts'
import { Visitor } from './visitor.ts'

const ADMIN = { Authorization: `Basic ${btoa('admin:a secret')}` }
const WORDS = ['-w', '1', '--threads', '4', '--paste', 'etc/zope.ini']
const FOLDERS = 40

async function visit(stage: Stage): Promise<void> {
  await stage.run(['mkwsgiinstance', '-d', 'instance', '-u', 'admin:a secret'])
  const directory = stage.path('instance')
  const { url } = await stage.start(WORDS, {}, directory)
  const visitor = new Visitor(url)
  await visitor.get('/')
  assert.equal((await visitor.ask('/manage_main')).status, 401)
  const page = await visitor.ask('/manage_main', { headers: ADMIN })
  assert.equal(page.status, 200, page.text)
  stage.check('login')
  for (const [, file] of page.text.matchAll(/(?:src|href)="(\/\+\+resource\+\+[^"]+\.(?:css|js))"/g))
    assert.equal((await visitor.ask(file!, { headers: ADMIN })).status, 200, file!)
  stage.check('files of the page')
  // Threads of one process share the database.
  const add = (i: number) =>
    visitor.post(
      '/manage_addProduct/OFSP/manage_addFolder',
      { id: `tea${i}`, title: `Green tea ${i}`, submit_add: 'Add' },
      302,
      ADMIN,
    )
  for (let i = 0; i < FOLDERS; i += 4) await Promise.all([add(i), add(i + 1), add(i + 2), add(i + 3)])
  stage.check(`${FOLDERS} folders are added, four at a time`)
  await stage.stop()

  const again = await stage.start(WORDS, {}, directory)
  const list = await new Visitor(again.url).ask('/manage_main', { headers: ADMIN })
  for (let i = 0; i < FOLDERS; i++) assert.ok(list.text.includes(`Green tea ${i}`), `folder ${i}`)
  stage.check('all are there after a restart')
  await stage.stop()
}

export const ZOPE: Application = {
  name: 'zope',
  title: 'Zope by PasteDeploy',
  packages: 'zope',
  costs: '100 MB',
  visit,
}
