/**
 * Follows a document as a reader would: writes its files and runs its commands, in order, in an empty directory. Ports are replaced
 * by free ones. `documents.ts` says how the blocks of a page are marked.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Block, codeBlocks, shellWords } from './documents.ts'
import { freePort } from './free-port.ts'
import { ROOT } from './paths.ts'
import { fdCount } from './processes.ts'
import { type Server, startServer, until } from './server.ts'

const DOCS = join(ROOT, 'docs')
const STEP_MS = 120_000

export interface ReaderOptions {
  /** Contents in the place of those on the page, by file. */
  readonly files?: Readonly<Record<string, string>>
  /** More of the program's command line. */
  readonly args?: readonly string[]
}

/** A test for each page of `docs/` that has commands. `isOurs`: by its path there. */
export function testPages(isOurs: (page: string) => boolean, skip: string | false): void {
  const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md'))
  for (const page of pages.filter(isOurs).sort()) {
    const blocks = codeBlocks(readFileSync(join(DOCS, page), 'utf8'))
    if (!blocks.some(block => block.language === 'sh')) continue
    test(`docs/${page}`, { skip }, async t => {
      const reader = new Reader(t)
      try {
        for (const block of blocks) await reader.follow(block)
      } finally {
        await reader.leave()
      }
    })
  }
}

/** A directory, a shell that remembers where it is, and the program that was started last. */
export class Reader {
  readonly #context: TestContext
  readonly #options: ReaderOptions
  readonly #home = mkdtempSync(join(tmpdir(), 'jd-'))
  #directory = this.#home
  #server: Server | null = null
  /** Port on the page → port here. */
  readonly #ports = new Map<string, number>()

  constructor(context: TestContext, options: ReaderOptions = {}) {
    this.#context = context
    this.#options = options
    // nginx gives up the rights of root, and must still reach the socket.
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

  /** The port here in the place of one that the page names. */
  port(onThePage: number): number {
    return Number(this.#ports.get(String(onThePage)))
  }

  /** Ends everything. A page names each process that it starts beside the program in a `….pid`. */
  async leave(): Promise<void> {
    for (const name of readdirSync(this.#directory).filter(name => name.endsWith('.pid') && name !== 'jumak.pid')) {
      const pid = Number(readFileSync(join(this.#directory, name), 'utf8'))
      process.kill(pid, 'SIGTERM')
      await until(
        () => fdCount(pid) === 0,
        () => `${name}: process ${pid} does not end`,
      )
    }
    await this.#server?.stop()
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Caddy keeps its configuration and certificates in these, and Jumak its local authority. */
  get #ownDirectories(): Readonly<Record<string, string>> {
    // CGI programs never run as root, who may run the tests.
    const user = process.getuid?.() === 0 ? { JUMAK_CGI_USER: 'nobody' } : {}
    return { XDG_CONFIG_HOME: join(this.#home, '.config'), XDG_DATA_HOME: join(this.#home, '.data'), ...user }
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
    else writeFileSync(path, this.#options.files?.[file] ?? (await this.#localize(text)))
  }

  async #serve({ text, line }: Block): Promise<void> {
    await this.#server?.stop()
    const [program, ...args] = shellWords(text)
    assert.equal(program, 'jumak', `line ${line}: a serve block is one command`)
    // Files that were written before may name the same ports.
    const localized = await Promise.all(args.map(arg => this.#localize(arg)))
    const isBound = args.some(arg => arg === '-b' || arg === '--bind')
    const server = await startServer({
      directory: this.#directory,
      // Commands of the page find the program as they find a reader's.
      env: { JUMAK_ADMIN_SOCKET: '', ...this.#ownDirectories },
      args: [...(isBound ? localized : ['-b', '127.0.0.1:0', ...localized]), ...(this.#options.args ?? [])],
    })
    this.#server = server
    this.#ports.set('8000', server.port)
  }

  async #run({ text, attributes, line }: Block): Promise<void> {
    const from = this.#server?.log.length ?? 0
    const state = join(this.#home, '.cwd')
    const script = `set -eu\ncd "${this.#directory}"\n${await this.#localize(text)}\npwd > "${state}"\n`
    const { code, output } = await runScript(script, this.#home, this.#ownDirectories)
    assert.equal(code, 0, `line ${line}: ${text}\n${output}\n${this.#server?.log.join('\n')}`)
    this.#directory = readFileSync(state, 'utf8').trimEnd()
    const expected = attributes.get('expect')
    if (expected !== undefined) assert.ok(output.includes(expected), `line ${line}: ${text}\nprinted ${output}`)
    const awaited = attributes.get('wait')
    if (awaited === undefined) return
    const pattern = new RegExp(RegExp.escape(awaited))
    this.#server!.mayLog(pattern)
    await this.#server!.waitForLog(pattern, from)
  }

  /** Replaces the ports of the page by free ones, and the installed program by the one under test. */
  async #localize(text: string): Promise<string> {
    for (const [, port] of text.matchAll(/127\.0\.0\.1:(\d{4,5})\b/g))
      if (!this.#ports.has(port!)) this.#ports.set(port!, await freePort())
    return text
      .replaceAll(/127\.0\.0\.1:(\d{4,5})\b/g, (_, port: string) => `127.0.0.1:${this.#ports.get(port)}`)
      .replaceAll('/usr/local/bin/jumak', join(ROOT, 'bin/jumak'))
  }
}

/** The output goes to a file, because a process that stays would hold a pipe open. `code`: null when the script took too long. */
async function runScript(
  script: string,
  home: string,
  own: Readonly<Record<string, string>>,
): Promise<{ code: number | null; output: string }> {
  const outputFile = join(home, '.output')
  const fd = openSync(outputFile, 'w')
  const env = { ...process.env, ...own, PATH: `${join(ROOT, 'bin')}${delimiter}${process.env['PATH']}` }
  const shell = spawn('bash', ['-c', script], { env, stdio: ['ignore', fd, fd], timeout: STEP_MS })
  const [code] = await once(shell, 'exit')
  closeSync(fd)
  return { code, output: readFileSync(outputFile, 'utf8') }
}
