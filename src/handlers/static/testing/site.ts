/** Files on disk, the static handler with an application behind it, and exchanges in memory. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { FakeExchange, type FakeRequest } from '../../../apps/testing/fake-exchange.ts'
import { MemoryBudget } from '../../../base/memory-budget.ts'
import { PoolShares } from '../../../base/pool-shares.ts'
import { CountedFiles } from '../../../base/testing/counted-files.ts'
import { Encoders } from '../../../compression/encoders.ts'
import type { FileCompression } from '../../../compression/files.ts'
import { staticFirst } from '../../../gateway/static-first.ts'
import type { Exchange, Handler } from '../../../http/exchange.ts'
import { BY_NAME } from '../entry.ts'
import { StaticFiles } from '../handler.ts'
import { KeptCodings } from '../kept-codings.ts'

/** Larger than what is kept in memory. */
export const LARGE: Buffer = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255))

export const MAX_OPEN = 64

export class Site {
  readonly base: string
  readonly root: string
  readonly openFiles: CountedFiles = new CountedFiles(MAX_OPEN)
  readonly files: StaticFiles
  /** Requests that it did not answer. */
  readonly handedOn: Exchange[] = []
  /** A missing file is answered 404 instead. */
  answersMissing = false
  readonly #handler: Handler

  /** `compression`: of its files. */
  constructor(t: TestContext, compression: FileCompression | null = null) {
    const encoders = new Encoders(new MemoryBudget(), new PoolShares())
    const kept = compression === null ? null : new KeptCodings(encoders, this.openFiles)
    this.files = new StaticFiles('', this.openFiles, FakeExchange.failed, '', {
      policy: { ...BY_NAME, compression },
      kept,
    })
    this.#handler = staticFirst(
      this.files,
      exchange => {
        this.handedOn.push(exchange)
        exchange.response.start({ status: 299, reason: '', headers: [] })
        exchange.response.end()
      },
      { isAnswered: () => this.answersMissing, refuse: FakeExchange.failed },
    )
    this.base = mkdtempSync(join(tmpdir(), 'jumak-static-'))
    t.after(() => rmSync(this.base, { recursive: true }))
    this.root = join(this.base, 'root')
    mkdirSync(this.root)
    this.files.setMounts([{ url: '/static/', directory: this.root }])
  }

  write(name: string, content: string | Buffer, modified?: Date): string {
    const path = join(this.root, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, content)
    if (modified) utimesSync(path, modified, modified)
    return path
  }

  /** Begins a request. It is answered when this returns, if the file is in memory. */
  begin(path: string, request: FakeRequest = {}): FakeExchange {
    const exchange = new FakeExchange({ ...request, path })
    void this.#handler(exchange)
    return exchange
  }

  async get(path: string, ...headers: string[]): Promise<Answer> {
    const exchange = this.begin(path, { headers })
    await exchange.over()
    return new Answer(exchange)
  }
}

export class Answer {
  readonly exchange: FakeExchange
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer

  constructor(exchange: FakeExchange) {
    this.exchange = exchange
    this.status = exchange.response.status
    const lines = exchange.response.head?.headers ?? []
    const names = lines.filter((_, i) => i % 2 === 0)
    assert.equal(new Set(names).size, names.length, 'each field once')
    this.headers = new Map(names.map((name, i) => [name.toLowerCase(), lines[2 * i + 1]!]))
    this.body = Buffer.concat(exchange.response.chunks)
  }
}

/** Stops `performance.now`; only `pass` moves it. */
export function mockTime(t: TestContext): { pass(ms: number): void } {
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  return { pass: ms => (now += ms) }
}
