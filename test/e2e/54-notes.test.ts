/** The site of the notes in a real browser, as `npm start -- notes` serves it: deep links, the API, the WebSocket, the service worker. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Browser, CHROMIUM } from '../support/browser.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { startServer } from '../support/server.ts'

const PUBLIC = join(ROOT, 'examples/notes/public')
const skip = CHROMIUM ? await whyNoPython() : 'chromium is not installed'

test('the site of the notes, as npm start -- notes starts it', { skip }, async t => {
  const server = await startServer({
    program: 'npm',
    args: ['start', '--', 'notes', '-b', '127.0.0.1:0'],
    directory: ROOT,
  })
  const browser = await Browser.launch()
  const [mina, jun] = [await browser.open(server.url), await browser.open(`${server.url}/notes/2`)]

  await t.test('the page shows what the API answers', async () => {
    await mina.waitFor(`document.querySelector('#answered').textContent === '4 notes from the API'`)
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
    await mina.waitFor(`document.querySelector('#windows').textContent === '2 windows are open'`)
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

  await browser.close()
  await server.stop()
})
