/** A person with a browser, as far as HTTP goes: keeps cookies, sends forms, follows no redirection by itself. */
import assert from 'node:assert/strict'

export interface Page {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  /** Where a redirection leads; empty: it is none. */
  readonly location: string
}

interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | URLSearchParams | FormData
}

export class Visitor {
  readonly #url: string
  readonly #cookies = new Map<string, string>()

  constructor(url: string) {
    this.#url = url
  }

  /** As a header has them. */
  get cookies(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async ask(path: string, sent: Sent = {}): Promise<Page> {
    const url = new URL(path, this.#url)
    const headers = { ...(this.#cookies.size > 0 && { Cookie: this.cookies }), ...sent.headers }
    const response = await fetch(url, { ...sent, headers, redirect: 'manual' })
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';', 1)
      this.#cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    const { status } = response
    return {
      status,
      text: await response.text(),
      headers: response.headers,
      location: response.headers.get('location') ?? '',
    }
  }

  /** The page, which must have this status. */
  async get(path: string, status = 200): Promise<Page> {
    return right(path, await this.ask(path), status)
  }

  async post(path: string, fields: Readonly<Record<string, string>>, status: number, headers = {}): Promise<Page> {
    const body = new URLSearchParams(fields)
    return right(path, await this.ask(path, { method: 'POST', body, headers }), status)
  }

  /** What the JSON of an answer with 200 means. */
  async json(path: string, value: unknown = null, headers = {}): Promise<Record<string, unknown>> {
    const type = { 'Content-Type': 'application/json', ...headers }
    const sent = value === null ? { headers } : { method: 'POST', body: JSON.stringify(value), headers: type }
    return JSON.parse(right(path, await this.ask(path, sent), 200).text)
  }
}

function right(path: string, page: Page, status: number): Page {
  assert.equal(page.status, status, `${path}: ${page.text.slice(0, 2000)}`)
  return page
}

/** The value of a hidden field of a page, or of what else the pattern finds. */
export function found(pattern: RegExp, { text }: Page): string {
  const value = pattern.exec(text)?.[1]
  assert.ok(value !== undefined, `${pattern} in: ${text.slice(0, 4000)}`)
  return value
}
