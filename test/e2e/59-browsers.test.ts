/** Two people in two windows of a real browser talk to each other: the example chat, and Channels. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Browser, CHROMIUM } from '../support/browser.ts'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { APPS, ROOT } from '../support/paths.ts'
import { startServer } from '../support/server.ts'

const skip = CHROMIUM ? await whyNoPython() : 'chromium is not installed'

test('the example chat, as npm start -- chat starts it', { skip }, async t => {
  const server = await startServer({
    program: 'npm',
    args: ['start', '--', 'chat', '-b', '127.0.0.1:0', '-w', '2'],
    directory: ROOT,
  })
  const browser = await Browser.launch()
  const [mina, jun] = [await browser.open(server.url), await browser.open(server.url, 390, 844)]

  await t.test('the page says what it waits for', async () => {
    await mina.waitFor(`document.querySelector('#status').textContent.startsWith('Waiting for your name')`)
    await mina.screenshot('chat-waits')
    await mina.type('[name=name]', 'Mina')
    await mina.click('[name=text]')
    await mina.waitFor(`document.querySelector('#status').textContent.startsWith('You sit with worker')`)
  })

  await t.test('what one says the other reads, and the other way round', async () => {
    await mina.type('[name=text]', 'Is anybody there?')
    await mina.press('Enter')
    await mina.waitFor(has('li.mine', 'Is anybody there?'))
    await jun.type('[name=name]', 'Jun')
    await jun.type('[name=text]', 'Me! Is the soup ready? 🍲')
    await jun.click('#say button')
    await jun.waitFor(has('li.mine', 'Me! Is the soup ready? 🍲'))
    await mina.waitFor(has('li:not(.mine)', 'Me! Is the soup ready? 🍲'))
    await mina.type('[name=text]', 'Almost. Boil some water, please.')
    await mina.press('Enter')
    await jun.waitFor(has('li:not(.mine)', 'Almost. Boil some water, please.'))
  })

  await t.test('the kettle reports by server-sent events', async () => {
    await mina.click('#boil')
    await mina.waitFor(`document.querySelector('#kettle').textContent.endsWith('°C')`)
    await mina.waitFor(`document.querySelector('#kettle').textContent === 'It whistles.'`)
  })

  await mina.screenshot('chat-mina')
  await jun.screenshot('chat-jun')

  await t.test('one who closes the window has left', async () => {
    await jun.close()
    await mina.waitFor(has('li.event', 'Jun has left'))
  })

  await browser.close()
  await server.stop()
  assert.ok(!server.log.some(line => line.includes('Traceback')), server.log.join('\n'))
})

test('Channels', { skip }, async () => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
  const directory = join(APPS, 'django_inn')
  const server = await startServer({ app: 'inn.asgi:application', directory, python, args: ['-w', '1'] })
  const browser = await Browser.launch()
  const url = `${server.url}/rooms/hearth/`
  const [mina, jun] = [await browser.open(url, 700, 620), await browser.open(url, 700, 620)]
  for (const [page, name] of [
    [mina, 'Mina'],
    [jun, 'Jun'],
  ] as const) {
    await page.waitFor(`document.querySelector('#status').textContent === 'connected'`)
    await page.type('[name=text]', name)
    await page.press('Enter')
    await mina.waitFor(has('li.event', `${name} joins`))
  }
  await jun.type('[name=text]', 'Is the soup ready?')
  await jun.press('Enter')
  await mina.waitFor(has('li:not(.mine)', 'Is the soup ready?'))
  await mina.type('[name=text]', 'Almost. Sit down & wait <b>here</b>.')
  await mina.click('button')
  await jun.waitFor(has('li:not(.mine)', 'Almost. Sit down & wait <b>here</b>.'))
  await jun.waitFor(has('li.mine', 'Is the soup ready?'))
  await jun.type('[name=text]', '/leave')
  await jun.press('Enter')
  await jun.waitFor(`document.querySelector('#status').textContent === 'closed: 4004 as you asked'`)
  await mina.waitFor(has('li.event', 'Jun leaves'))
  await mina.screenshot('channels-mina')
  await jun.screenshot('channels-jun')
  await mina.close()
  await server.waitForLog(/Mina left with 1001/)
  await browser.close()
  await server.stop()
  assert.ok(!server.log.some(line => line.includes('Traceback')), server.log.join('\n'))
})

/** Whether an element that fits the selector has the text. */
function has(selector: string, text: string): string {
  return `[...document.querySelectorAll('${selector}')].some(one => one.textContent.includes(${JSON.stringify(text)}))`
}
