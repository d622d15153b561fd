/**
 * The operator's own pages for errors (`--error-page`), by status and format, and the filter that puts them in the place of our words. Runs in
 * the gateway. HUP replaces all of them at once.
 *
 * Not here: which responses go through the filter. Those are the errors that the gateway answers itself (`error-response.ts`); what an
 * application answers is never touched.
 */
import type { ErrorFormat, ErrorPage } from '../../config/types.ts'
import { headerValue } from '../../http/headers.ts'
import { negotiateErrorFormat } from '../../http/negotiate.ts'
import { type ContentFilter, type ContentOutput, type ResponseFilter, withHeaders } from '../../http/response-filter.ts'

export const CONTENT_TYPES: Readonly<Record<ErrorFormat, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
}

export interface OwnPage {
  readonly contentType: string
  readonly body: Buffer
}

export class OwnPages {
  #pages: ReadonlyMap<number, ReadonlyMap<ErrorFormat, OwnPage>> = new Map()

  constructor(pages: readonly ErrorPage[] = []) {
    this.replace(pages)
  }

  replace(pages: readonly ErrorPage[]): void {
    const found = new Map<number, Map<ErrorFormat, OwnPage>>()
    for (const { status, format, content } of pages) {
      const formats = found.get(status) ?? new Map<ErrorFormat, OwnPage>()
      found.set(status, formats.set(format, { contentType: CONTENT_TYPES[format], body: Buffer.from(content) }))
    }
    this.#pages = found
  }

  has(status: number): boolean {
    return this.#pages.has(status)
  }

  /** Null: there is none for this status, or the client would rather have another format. `accept`: its Accept header. */
  find(status: number, accept: string | undefined): OwnPage | null {
    const formats = this.#pages.get(status)
    if (formats === undefined) return null
    return formats.get(negotiateErrorFormat(accept, [...formats.keys()])) ?? null
  }

  /** The page does not name the request, so X-Request-ID does. */
  readonly filter: ResponseFilter = (head, { id, request }) => {
    const page = this.find(head.status, headerValue(request.headers, 'accept'))
    if (page === null) return { head, content: null }
    const { contentType, body } = page
    const headers = ['Content-Type', contentType, 'Content-Length', String(body.length), 'X-Request-ID', id]
    for (let i = 0; i < head.headers.length; i += 2)
      if (!DESCRIBES_CONTENT.test(head.headers[i]!)) headers.push(head.headers[i]!, head.headers[i + 1]!)
    return { head: withHeaders(head, headers), content: out => new Replacement(body, out) }
  }
}

const DESCRIBES_CONTENT = /^content-(?:type|length)$/i

/** Other content than what comes. */
class Replacement implements ContentFilter {
  readonly #content: Buffer
  readonly #out: ContentOutput

  constructor(content: Buffer, out: ContentOutput) {
    this.#content = content
    this.#out = out
  }

  data(): void {}

  end(): void {
    this.#out.write(this.#content)
    this.#out.end()
  }

  onDrain(): void {}

  close(): void {}
}
