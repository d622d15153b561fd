/** The operator's own pages for errors (`--error-page`), by status and format. Replaced as a whole when the files were read anew. */
import type { ErrorFormat, ErrorPage } from '../../config/types.ts'
import { negotiateErrorFormat } from '../../http/negotiate.ts'

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
}
