/**
 * The phases that look at the disk: `try_files`, files, directories with their index. Runs in the gateway. What needs no disk is done within
 * the call.
 *
 * Not here: the look itself (`SiteContent`), which file a path names (`file-names.ts`), where an internal redirect goes (`phases.ts`).
 */
import { type Answers, NO_SUCH_PLACE } from './answers.ts'
import { fileName } from './file-names.ts'
import { scriptName } from './script-names.ts'
import type { Outcome, Served, SiteContent } from './site-content.ts'
import type { SiteRequest } from './site-request.ts'

/** Where a request goes from here. */
export interface Onward {
  readonly handler: (request: SiteRequest) => Outcome
  /** An internal redirect to a path, which may have a query, or to `@name`. `args`: the query that it keeps. */
  readonly redirectTo: (request: SiteRequest, target: string, args?: string) => Outcome
  readonly toPath: (request: SiteRequest, uri: string, args: string) => Outcome
  readonly toNamed: (request: SiteRequest, name: string) => Outcome
}

export class FilePhases {
  readonly #content: SiteContent
  readonly #answers: Answers
  readonly #onward: Onward

  constructor(content: SiteContent, answers: Answers, onward: Onward) {
    this.#content = content
    this.#answers = answers
    this.#onward = onward
  }

  /** `try_files`, where the location has some. */
  tryFiles(request: SiteRequest): Outcome {
    return hasLostAlias(request) ? this.#answers.fail(request, 500, ALIAS_AFTER_REWRITE) : this.#tryFrom(request, 0)
  }

  #tryFrom(request: SiteRequest, first: number): Outcome {
    const { tryFiles } = request.location
    for (let i = first; i < tryFiles.length; i++) {
      const one = tryFiles[i]!
      if (one.kind === 'status') {
        request.trace?.({ kind: 'last-try', to: `=${one.status}` })
        return this.#answers.fail(request, one.status, NO_SUCH_PLACE)
      }
      if (one.kind === 'named') {
        request.trace?.({ kind: 'last-try', to: `@${one.name}` })
        return this.#onward.toNamed(request, one.name)
      }
      const value = one.value(request)
      const { kind } = one
      if (kind === 'uri') {
        request.trace?.({ kind: 'last-try', to: value })
        return value.startsWith('@')
          ? this.#onward.toNamed(request, value.slice(1))
          : this.#onward.redirectTo(request, value)
      }
      const uri = pathToTry(request, value)
      const isThere = this.#content.exists(request, uri, kind)
      if (typeof isThere !== 'boolean')
        return isThere.then(found => {
          if (request.trace !== null) tellTry(request, uri, kind, found)
          return found ? this.#found(request, uri) : this.#tryFrom(request, i + 1)
        })
      if (request.trace !== null) tellTry(request, uri, kind, isThere)
      if (isThere) return this.#found(request, uri)
    }
    return this.#onward.handler(request)
  }

  #found(request: SiteRequest, uri: string): Outcome {
    // A script that is there: what follows it in the path stays its PATH_INFO, which nginx loses here.
    const isScript = request.location.script?.split != null && uri === scriptName(request)
    if (request.uri !== uri && !isScript) {
      request.uri = uri
      request.isRewritten = true
    }
    return this.#onward.handler(request)
  }

  /** The handler `files`. */
  serve(request: SiteRequest): Outcome {
    const { method } = request.exchange.request
    const isRead = method === 'GET' || method === 'HEAD'
    if (!isRead && method !== 'POST') return this.#served(request, 'read-only')
    if (hasLostAlias(request)) return this.#answers.fail(request, 500, ALIAS_AFTER_REWRITE)
    this.#content.beforeAnswer(request)
    if (request.uri.endsWith('/')) return this.#directory(request)
    return this.#serving(request, this.#content.serveFile(request))
  }

  /** The first of its index files; else a list of what is in it. */
  #directory(request: SiteRequest): Outcome {
    const { index } = request.location
    const isThere = (i: number): Outcome => {
      for (let at = i; at < index.length; at++) {
        const name = index[at]!(request)
        // A path of its own is the last resort.
        if (name.startsWith('/')) return this.#onward.redirectTo(request, name, request.args)
        const uri = request.uri + name
        const found = this.#content.exists(request, uri, 'file')
        if (typeof found !== 'boolean')
          return found.then(yes => {
            if (request.trace !== null) tellTry(request, uri, 'file', yes, 'index')
            return yes ? this.#onward.toPath(request, uri, request.args) : isThere(at + 1)
          })
        if (request.trace !== null) tellTry(request, uri, 'file', found, 'index')
        if (found) return this.#onward.toPath(request, uri, request.args)
      }
      return this.#withoutIndex(request)
    }
    const start = (isDirectory: boolean): Outcome => (isDirectory ? isThere(0) : this.#served(request, 'missing'))
    const isDirectory = this.#content.exists(request, request.uri, 'directory')
    return typeof isDirectory === 'boolean' ? start(isDirectory) : isDirectory.then(start)
  }

  #withoutIndex(request: SiteRequest): Outcome {
    if (request.location.settings.autoindex !== 'off')
      return this.#serving(request, this.#content.listDirectory(request))
    this.#answers.fail(request, 403, 'This directory has no index, and its files are not listed')
  }

  #serving(request: SiteRequest, served: Served | Promise<Served>): Outcome {
    if (typeof served === 'string') return this.#served(request, served)
    return served.then(one => this.#served(request, one))
  }

  #served(request: SiteRequest, served: Served): void {
    if (served === 'missing') this.#answers.fail(request, 404, 'There is no such file')
    else if (served === 'read-only') this.#answers.fail(request, 405, 'Files can only be read', ['Allow', 'GET, HEAD'])
    else if (served === 'directory') this.#answers.addSlash(request)
  }
}

/** What the alias stood for may not be in the path any more. */
function hasLostAlias({ location, isMoved }: SiteRequest): boolean {
  return isMoved && location.alias !== null
}

const ALIAS_AFTER_REWRITE = 'A location with alias has rewritten the path, and stays: it can name no file'

function tellTry(
  request: SiteRequest,
  uri: string,
  what: 'file' | 'directory',
  isThere: boolean,
  of: 'try-files' | 'index' = 'try-files',
): void {
  request.trace?.({ kind: 'try', what, of, uri, file: fileName(request, uri), isThere })
}

/** With `alias` the location's own prefix stands for the directory. */
function pathToTry(request: SiteRequest, value: string): string {
  const { alias } = request.location
  if (alias === null || alias.prefix === null || value.startsWith(alias.prefix)) return value
  const { prefix } = alias
  return prefix + (prefix.endsWith('/') && value.startsWith('/') ? value.slice(1) : value)
}
