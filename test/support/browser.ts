/**
 * Headless Chromium for end-to-end tests, driven over the DevTools protocol. Runs in the test's process.
 *
 *     const browser = await Browser.launch()
 *     const page = await browser.open(server.url)
 *     await page.type('[name=text]', 'hello')
 *     await page.press('Enter')
 *     await page.waitFor(`document.body.textContent.includes('hello')`)
 *     await browser.close()      // asserts that nothing is left, and that no page complained
 *
 * The protocol goes over pipes, not over a port: Chromium ends with its pipe, so a test that dies leaves no browser behind.
 * Each page is a window with its own cookies and storage: another visitor. It is no test framework, and has only what these
 * tests use.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { markedProcesses } from './processes.ts'
import { until } from './server.ts'

/** The path of Chromium. Without it the tests that need it skip. */
export const CHROMIUM: string | undefined = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(existsSync)

/** Also used by tests that start Chromium once for one picture. */
export const FLAGS: readonly string[] = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--hide-scrollbars',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** For everything in a page. Generous, because machines are shared. */
const WAIT_MS = 60_000

// biome-ignore lint/suspicious/noExplicitAny: the protocol's own objects; each use takes what it needs.
type Fields = Record<string, any>

interface Call {
  readonly resolve: (result: Fields) => void
  readonly reject: (error: Error) => void
}

/** Browsers that failed tests have left. They are killed when the tests of the file are over. */
const running = new Set<Browser>()
process.on('exit', () => {
  for (const browser of running) browser.kill()
})

export class Browser {
  readonly #process: ChildProcess
  readonly #profile: string
  readonly #marker: string
  readonly #calls = new Map<number, Call>()
  /** By the id of the session. */
  readonly #pages = new Map<string, Page>()
  #lastId = 0

  private constructor(trusted: string | null) {
    this.#marker = randomUUID()
    this.#profile = mkdtempSync(join(tmpdir(), 'jumak-chromium-'))
    // Whatever Chromium writes anywhere goes away with the profile.
    const places = { HOME: this.#profile, TMPDIR: this.#profile }
    const trusts = trusted === null ? [] : [`--ignore-certificate-errors-spki-list=${keyHash(trusted)}`]
    const own = ['--remote-debugging-pipe', `--user-data-dir=${this.#profile}`]
    this.#process = spawn(CHROMIUM!, [...FLAGS, ...trusts, ...own], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...places, MARKER_OF_JUMAK_TEST: this.#marker },
      // A process group of its own: its end can be seen.
      detached: true,
    })
    // A test that waits for it holds a timer. The browser alone does not keep the test file from ending.
    this.#process.unref()
    for (const stream of this.#process.stdio) (stream as Socket | null)?.unref()
    running.add(this)
    this.#process.on('error', error => this.#fail(error))
    this.#process.on('exit', code => this.#fail(new Error(`Chromium ended with ${code}`)))
    // A write fails after the end of the process, which 'exit' tells.
    this.#input.on('error', () => {})
    let rest = ''
    const output = this.#process.stdio[4] as Readable
    output.setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0')
      rest = messages.pop()!
      for (const message of messages) this.#onMessage(JSON.parse(message))
    })
  }

  /** `trusted`: path of the PEM of a certificate whose key it trusts, whoever has signed it. */
  static async launch(trusted: string | null = null): Promise<Browser> {
    const browser = new Browser(trusted)
    await browser.call('Browser.getVersion')
    return browser
  }

  get #input(): Writable {
    return this.#process.stdio[3] as Writable
  }

  /** A method of the protocol. */
  call(method: string, params: Fields = {}, sessionId?: string): Promise<Fields> {
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<Fields>()
    // wait: at most; a browser that hangs fails the test
    const timer = setTimeout(() => reject(new Error(`${method} takes too long`)), WAIT_MS)
    this.#calls.set(id, { resolve, reject })
    this.#input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    return promise.finally(() => {
      clearTimeout(timer)
      this.#calls.delete(id)
    })
  }

  #onMessage({ id, error, result, method, params, sessionId }: Fields): void {
    if (id === undefined) this.#pages.get(sessionId)?.onEvent(method, params)
    else if (error) this.#calls.get(id)?.reject(new Error(error.message))
    else this.#calls.get(id)?.resolve(result)
  }

  #fail(error: Error): void {
    for (const call of this.#calls.values()) call.reject(error)
  }

  /** A new visitor: a window that has loaded the page. */
  async open(url: string, width = 1100, height = 860): Promise<Page> {
    const { browserContextId } = await this.call('Target.createBrowserContext')
    const target = { url: 'about:blank', browserContextId, newWindow: true, width, height }
    const { targetId } = await this.call('Target.createTarget', target)
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true })
    const page = new Page((method, params) => this.call(method, params, sessionId))
    this.#pages.set(sessionId, page)
    await page.load(url, width, height)
    return page
  }

  kill(): void {
    this.#process.kill('SIGKILL')
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }

  async close(): Promise<void> {
    const pid = this.#process.pid!
    // It may have ended before its answer is read.
    await this.call('Browser.close').catch(() => {})
    // Its helpers end by themselves when it has ended.
    await until(
      () => !groupExists(pid) && markedProcesses(this.#marker).length === 0,
      () => `Chromium left processes: ${JSON.stringify(markedProcesses(this.#marker))}`,
    )
    running.delete(this)
    rmSync(this.#profile, { recursive: true })
    for (const page of this.#pages.values()) assert.deepEqual(page.problems, [], 'what the page complained about')
  }
}

/** Chromium's words for a question to a page that is not there any more. */
const HAS_LEFT = /navigated or closed|context was destroyed|Cannot find (?:default execution )?context/

export class Page {
  /** Exceptions, failed loads and lines of `console.error`, unless the test takes them away. */
  readonly problems: string[] = []
  /** Of each response: the version of HTTP and the URL, such as `h2 https://…`; of a WebSocket its status. */
  readonly responses: string[] = []
  readonly #call: (method: string, params?: Fields) => Promise<Fields>
  #loaded = Promise.withResolvers<void>()

  constructor(call: (method: string, params?: Fields) => Promise<Fields>) {
    this.#call = call
  }

  onEvent(method: string, params: Fields): void {
    if (method === 'Page.loadEventFired') this.#loaded.resolve()
    else if (method === 'Network.responseReceived') {
      this.responses.push(`${params['response'].protocol} ${params['response'].url}`)
    } else if (method === 'Network.webSocketHandshakeResponseReceived') {
      this.responses.push(`WebSocket ${params['response'].status}`)
    } else if (method === 'Runtime.exceptionThrown') {
      this.problems.push(params['exceptionDetails'].exception?.description ?? params['exceptionDetails'].text)
    } else if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error') {
      this.problems.push(params['args'].map((one: Fields) => one['value'] ?? one['description']).join(' '))
    } else if (method === 'Log.entryAdded' && params['entry'].level === 'error') {
      this.problems.push(`${params['entry'].text} (${params['entry'].url})`)
    }
  }

  async load(url: string, width: number, height: number): Promise<void> {
    const size = { width, height, deviceScaleFactor: 1, mobile: false }
    await Promise.all([
      ...['Page.enable', 'Runtime.enable', 'Log.enable', 'Network.enable'].map(method => this.#call(method)),
      this.#call('Emulation.setDeviceMetricsOverride', size),
      // Of several windows only one has the focus; people type in all of them.
      this.#call('Emulation.setFocusEmulationEnabled', { enabled: true }),
    ])
    const { errorText } = await this.#call('Page.navigate', { url })
    assert.equal(errorText, undefined, `${url} is loaded`)
    await this.#loaded.promise
  }

  /** As by the button of the browser. Resolves when all is loaded: what is evaluated before may be asked of the old page. */
  async reload(): Promise<void> {
    this.#loaded = Promise.withResolvers<void>()
    await this.#call('Page.reload')
    await this.#loaded.promise
  }

  /** The value of an expression, a promise's result included. */
  // biome-ignore lint/suspicious/noExplicitAny: what the page answers is compared, not typed.
  async evaluate(expression: string): Promise<any> {
    const options = { expression, awaitPromise: true, returnByValue: true, userGesture: true }
    const { result, exceptionDetails } = await this.#call('Runtime.evaluate', options)
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  /** Until the expression is true; looked at whenever the document changes. Fails with the page's text. */
  async waitFor(expression: string): Promise<void> {
    let found: boolean
    try {
      found = await this.#comesTrue(expression)
    } catch (error) {
      // A click led to another page meanwhile. It is asked once more, there.
      if (!HAS_LEFT.test((error as Error).message)) throw error
      found = await this.#comesTrue(expression)
    }
    if (!found) assert.fail(`${expression} never came true; the page:\n${await this.text('body')}`)
  }

  #comesTrue(expression: string): Promise<boolean> {
    return this.evaluate(`new Promise(resolve => {
      const check = () => (${expression}) && (watcher.disconnect(), clearTimeout(timer), resolve(true))
      const watcher = new MutationObserver(check)
      // wait: at most; a page that never changes fails the test
      const timer = setTimeout(() => (watcher.disconnect(), resolve(false)), ${WAIT_MS / 2})
      watcher.observe(document, { subtree: true, childList: true, characterData: true, attributes: true })
      check()
    })`)
  }

  text(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`)
  }

  /** A click of the mouse in the middle of the element. */
  async click(selector: string): Promise<void> {
    const [x, y] = await this.evaluate(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)})
      element.scrollIntoView({ block: 'nearest' })
      const { x, y, width, height } = element.getBoundingClientRect()
      return [x + width / 2, y + height / 2]
    })()`)
    const mouse = { x, y, button: 'left', clickCount: 1 }
    await this.#call('Input.dispatchMouseEvent', { type: 'mousePressed', ...mouse })
    await this.#call('Input.dispatchMouseEvent', { type: 'mouseReleased', ...mouse })
  }

  async type(selector: string, text: string): Promise<void> {
    await this.click(selector)
    await this.#call('Input.insertText', { text })
  }

  async press(key: 'Enter'): Promise<void> {
    const event = { key, code: key, windowsVirtualKeyCode: 13, text: '\r' }
    await this.#call('Input.dispatchKeyEvent', { type: 'keyDown', ...event })
    await this.#call('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
  }

  /** The visitor closes the window. */
  async close(): Promise<void> {
    await this.#call('Page.close')
  }

  /** A picture for people, in the directory that SCREENSHOTS names; without it only taken. */
  async screenshot(name: string): Promise<void> {
    const { data } = await this.#call('Page.captureScreenshot', { format: 'png' })
    const picture = Buffer.from(data, 'base64')
    assert.ok(picture.length > 5000, 'there is something in the picture')
    const keep = process.env['SCREENSHOTS']
    if (keep) writeFileSync(join(keep, `${name}.png`), picture)
  }
}

/** As Chromium's flag wants it. */
function keyHash(certificate: string): string {
  const key = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}

function groupExists(pid: number): boolean {
  try {
    return process.kill(-pid, 0)
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH')
    return false
  }
}
