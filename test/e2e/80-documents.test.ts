/**
 * Runs the documents: every command of every page in `docs/` and of the README, in order, as a reader would, in an empty
 * directory. What is written to a file on a page is written. Ports are replaced by free ones.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ACTIONS, SETTINGS } from '../../src/config/settings/index.ts'
import { type Block, codeBlocks, shellWords, tableRows } from '../support/documents.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { type Server, startServer } from '../support/server.ts'

const DOCS = join(ROOT, 'docs')
const STEP_MS = 120_000

const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md'))
const noPython = await whyNoPython()

for (const page of pages.sort()) {
  const blocks = codeBlocks(readFileSync(join(DOCS, page), 'utf8'))
  if (!blocks.some(block => block.language === 'sh')) continue
  test(`docs/${page}`, { skip: noPython }, async t => {
    const reader = new Reader(t)
    try {
      for (const block of blocks) await reader.follow(block)
    } finally {
      await reader.leave()
    }
  })
}

test('what a table tells people to write instead of an option of another server exists', () => {
  const known = new Set([...SETTINGS, ...ACTIONS].map(({ name }) => `--${name}`))
  for (const page of [...pages.map(name => join(DOCS, name)), join(ROOT, 'README.md')]) {
    for (const { columns, line } of tableRows(readFileSync(page, 'utf8'), 'Jumak'))
      for (const [option] of columns.at(-1)!.matchAll(/--[a-z][a-z-]*/g))
        assert.ok(known.has(option), `${page}:${line}: there is no ${option}`)
  }
})

test('links between the documents lead to a page and a heading that are there', () => {
  const roots = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'python/README.md']
  for (const page of [...pages.map(name => join('docs', name)), ...roots]) {
    for (const [link, path, heading] of readFileSync(join(ROOT, page), 'utf8').matchAll(
      /\]\(([^)#:]*)(?:#([^)]*))?\)/g,
    )) {
      const target = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path!)
      assert.ok(existsSync(target), `${page}: ${link}`)
      if (heading !== undefined) assert.ok(anchors(readFileSync(target, 'utf8')).includes(heading), `${page}: ${link}`)
    }
  }
})

/** What a heading is called in a link to it, as code hosts make it. */
function anchors(document: string): string[] {
  return [...document.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Somebody who follows a page: a directory, a shell that remembers where it is, and the program that was started last. */
class Reader {
  readonly #context: TestContext
  readonly #home = mkdtempSync(join(tmpdir(), 'jd-'))
  #directory = this.#home
  #server: Server | null = null
  /** Port on the page → port here. */
  readonly #ports = new Map<string, number>()

  constructor(context: TestContext) {
    this.#context = context
    // nginx drops the rights of root, and must reach the socket all the same.
    chmodSync(this.#home, 0o755)
  }

  async follow(block: Block): Promise<void> {
    const { attributes, language } = block
    const file = attributes.get('file') ?? attributes.get('append')
    if (file !== undefined) await this.#write(file, block)
    else if (language !== 'sh') return
    else if (this.#mustSkip(attributes)) return
    else if (attributes.has('serve')) await this.#serve(block)
    else await this.#run(block)
  }

  async leave(): Promise<void> {
    const nginx = join(this.#directory, 'nginx.pid')
    if (existsSync(nginx)) process.kill(Number(readFileSync(nginx, 'utf8')), 'SIGTERM')
    await this.#server?.stop()
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 })
  }

  #mustSkip(attributes: Block['attributes']): boolean {
    const command = attributes.get('needs')
    const isMissing = command !== undefined && spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0
    const reason = attributes.get('never') ?? (isMissing ? `${command} is not installed` : null)
    if (reason !== null) this.#context.diagnostic(`not run: ${reason}`)
    return reason !== null
  }

  async #write(file: string, { text, attributes }: Block): Promise<void> {
    const path = join(this.#directory, file)
    mkdirSync(dirname(path), { recursive: true })
    if (attributes.has('append')) appendFileSync(path, text)
    else writeFileSync(path, await this.#localize(text))
  }

  async #serve({ text, line }: Block): Promise<void> {
    await this.#server?.stop()
    const [program, ...args] = shellWords(text)
    assert.equal(program, 'jumak', `line ${line}: a serve block is one command`)
    const bound = args.some(arg => arg === '-b' || arg === '--bind')
    const server = await startServer({
      directory: this.#directory,
      args: bound ? args : ['-b', '127.0.0.1:0', ...args],
    })
    this.#server = server
    this.#ports.set('8000', server.port)
  }

  async #run({ text, attributes, line }: Block): Promise<void> {
    const from = this.#server?.log.length ?? 0
    const state = join(this.#home, '.cwd')
    const script = `set -eu\ncd "${this.#directory}"\n${await this.#localize(text)}\npwd > "${state}"\n`
    const { code, output } = await runScript(script, join(this.#home, '.output'))
    assert.equal(code, 0, `line ${line}: ${text}\n${output}\n${this.#server?.log.join('\n')}`)
    this.#directory = readFileSync(state, 'utf8').trimEnd()
    const expected = attributes.get('expect')
    if (expected !== undefined) assert.ok(output.includes(expected), `line ${line}: ${text}\nprinted ${output}`)
    const awaited = attributes.get('wait')
    if (awaited !== undefined) await this.#server!.waitForLog(new RegExp(RegExp.escape(awaited)), from)
  }

  /** Ports of the page become those of here; programs that are installed system-wide are the ones under test. */
  async #localize(text: string): Promise<string> {
    for (const [, port] of text.matchAll(/127\.0\.0\.1:(\d{4,5})\b/g))
      if (!this.#ports.has(port!)) this.#ports.set(port!, await freePort())
    return text
      .replaceAll(/127\.0\.0\.1:(\d{4,5})\b/g, (_, port: string) => `127.0.0.1:${this.#ports.get(port)}`)
      .replaceAll('/usr/local/bin/jumak', join(ROOT, 'bin/jumak'))
  }
}

/** Its output goes to a file: what it leaves running would hold a pipe open. `code`: null when it took too long. */
async function runScript(script: string, outputFile: string): Promise<{ code: number | null; output: string }> {
  const fd = openSync(outputFile, 'w')
  const env = { ...process.env, PATH: `${join(ROOT, 'bin')}${delimiter}${process.env['PATH']}` }
  const shell = spawn('bash', ['-c', script], { env, stdio: ['ignore', fd, fd], timeout: STEP_MS })
  const [code] = await once(shell, 'exit')
  closeSync(fd)
  return { code, output: readFileSync(outputFile, 'utf8') }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}
