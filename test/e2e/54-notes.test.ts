/**
 * The site of the notes in a real browser, as `npm start -- notes` serves it: deep links, the API on two servers, the WebSocket, the service
 * worker; and one of the two servers is killed.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Browser, CHROMIUM } from '../support/browser.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { markedProcesses, type ProcessInfo } from '../support/processes.ts'
import { temporaryDirectory } from '../support/project.ts'
import { startServer } from '../support/server.ts'

const PUBLIC = join(ROOT, 'examples/notes/public')
const skip = CHROMIUM ? await whyNoPython() : 'chromium is not installed'

test('the site of the notes, as npm start -- notes starts it', { skip }, async t => {
  const server = await startServer({
    program: 'npm',
    args: ['start', '--', 'notes', '-b', '127.0.0.1:0'],
    directory: ROOT,
    env: { NOTES_DATABASE: join(temporaryDirectory(t), 'notes.sqlite3') },
  })
  const browser = await Browser.launch()
  const [mina, jun] = [await browser.open(server.url), await browser.open(`${server.url}/notes/2`)]

  await t.test('the page shows what the API answers', async () => {
    await mina.waitFor(`document.querySelectorAll('#list li').length === 4`)
    await mina.screenshot('notes-list')
  })

  await t.test('a deep link shows its note, when it is opened and when it is loaded again', async () => {
    const isThere = `document.querySelector('#title')?.value === 'Soup for twelve' && document.title.startsWith('Soup')`
    await jun.waitFor(isThere)
    await jun.reload()
    await jun.waitFor(`performance.getEntriesByType('navigation')[0].type === 'reload' && ${isThere}`)
    assert.equal(await jun.evaluate('location.pathname'), '/notes/2')
    assert.equal(await jun.evaluate('document.characterSet'), 'UTF-8')
    await jun.screenshot('notes-note')
  })

  await t.test('what one writes the other reads, over the WebSocket', async () => {
    for (const page of [mina, jun])
      await page.waitFor(`/^Connected to server (one|two)$/.test(document.querySelector('#live').textContent)`)
    await mina.click('#list a[href="/notes/2"]')
    await mina.type('#title', ', and one')
    await jun.waitFor(`document.querySelector('#title').value.includes(', and one')`)
    await mina.waitFor(`document.querySelector('#state').textContent === 'Saved, and every window knows'`)
    assert.ok(mina.responses.includes('WebSocket 101'))
  })

  await t.test('a file that only the API gives away', async () => {
    const [status, type, text, direct] = await mina.evaluate(`(async () => {
      const response = await fetch('/api/notes/2/attachment')
      const direct = await fetch('/attachments/recipe.txt')
      return [response.status, response.headers.get('content-type'), await response.text(), direct.status]
    })()`)
    assert.deepEqual([status, type, direct], [200, 'text/plain; charset=utf-8', 404])
    assert.match(text, /^Soup for twelve/)
    // Chromium tells of the 404.
    assert.match(mina.problems.pop()!, /404 .*attachments/)
  })

  await t.test('the service worker is there, and no browser keeps it', async () => {
    await mina.waitFor(`document.querySelector('#offline').textContent.startsWith('Ready')`)
    const { headers } = await fetch(`${server.url}/service-worker.js`)
    assert.equal(headers.get('cache-control'), 'no-store, no-cache, must-revalidate, proxy-revalidate, max-age=0')
    assert.equal(headers.get('expires'), null)
    // The same place by its regular expression, where no file has that name: else it was the page.
    assert.equal((await fetch(`${server.url}/Service-Worker.JS`)).status, 404)
  })

  await t.test('assets are kept for a year, and their directory is listed', async () => {
    for (const name of readdirSync(join(PUBLIC, 'assets'))) {
      const hash = createHash('sha256')
        .update(readFileSync(join(PUBLIC, 'assets', name)))
        .digest('hex')
        .slice(0, 12)
      assert.equal(name.split('.')[1], hash, `${name} has the hash of its content in its name`)
      const { headers } = await fetch(`${server.url}/assets/${name}`)
      assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
    }
    const list = await browser.open(`${server.url}/assets/`, 900, 420)
    await list.waitFor(`document.querySelectorAll('tr.file').length === 2`)
    await list.screenshot('notes-assets')
    await list.click('tr.up a')
    await list.waitFor(`document.querySelectorAll('#list li').length === 4`)
  })

  await t.test('two servers share the API by their weights, and the page says which of them answers', async () => {
    const answers = await mina.evaluate(`(async () => {
      const names = []
      for (let i = 0; i < 30; i++) names.push((await (await fetch('/api/whoami')).json()).server)
      return names
    })()`)
    const ofOne = answers.filter((name: string) => name === 'one').length
    // The pages ask meanwhile, too.
    assert.ok(ofOne >= 17 && ofOne <= 23, `20 of 30 are for server one, not ${ofOne}`)
    await mina.waitFor(`/^Server (one|two) answers$/.test(document.querySelector('#answered').textContent)`)
  })

  await t.test('one server is killed: the other answers, and the windows come back', async () => {
    const pid = Number(/server one \(process (\d+)\)/.exec(await server.waitForLog(/server one \(process/))![1])
    const family = familyOf(pid, markedProcesses(server.marker))
    server.mayLog(/upstream api, unix:\S*one\.sock: /)
    for (const one of family) process.kill(one, 'SIGKILL')
    await server.waitForLog(/server one has ended/)
    for (const page of [mina, jun])
      await page.waitFor(`document.querySelector('#live').textContent === 'Connected to server two'`)
    const [status, name] = await mina.evaluate(`(async () => {
      const response = await fetch('/api/whoami')
      return [response.status, (await response.json()).server]
    })()`)
    assert.deepEqual([status, name], [200, 'two'])
    await mina.waitFor(`document.querySelector('#answered').textContent === 'Server two answers'`)
    await mina.click('#list a[href="/notes/3"]')
    await mina.type('#title', ', still')
    await jun.click('#list a[href="/notes/3"]')
    await jun.waitFor(`document.querySelector('#title').value.includes(', still')`)
    await jun.screenshot('notes-one-server')
  })

  await browser.close()
  await server.stop()
})

/** A process and its descendants. */
function familyOf(pid: number, all: readonly ProcessInfo[]): readonly number[] {
  return [pid, ...all.filter(({ parent }) => parent === pid).flatMap(child => familyOf(child.pid, all))]
}
