/**
 * Sites and requests at random, from a seed. Few names are used, so that locations, files, rewrites and requests meet; the edges are there on
 * purpose: encodings, dots, double slashes, case, an empty query, a slash at the end.
 */
import { Random } from '../fuzz/random.ts'
import { withAccess } from './access.ts'
import type { Case, SpecLocation, SpecRequest, SpecSettings, SpecSite, SpecStep } from './spec.ts'
import { randomQuery, VARIABLES } from './variables.ts'

/** Below `root`: what `writeFiles` makes. A name with a slash at its end is a directory. */
export const FILES: readonly string[] = [
  'index.html',
  'x.txt',
  'page.html',
  '404.html',
  'error.html',
  'a/index.html',
  'a/x.txt',
  'a/b/x.txt',
  'a/b/index.txt',
  'a/b/c/page.html',
  'b/page.html',
  'b/x y.txt',
  'b/é.txt',
  'img/logo.png',
  'img/a/logo.png',
  'empty/',
  'other/index.html',
  'other/x.txt',
  'other/a/x.txt',
  'B/x.txt',
]

/** Of all files. */
export const MODIFIED = new Date('2024-05-06T07:08:09Z')
const [EARLIER, LATER] = [new Date('2024-05-06T07:08:08Z'), new Date('2025-01-01T00:00:00Z')]

const SEGMENTS = ['a', 'b', 'c', 'img', 'other', 'empty', 'B', 'x.txt', 'page.html', 'logo.png', 'new']
const PATTERNS = [
  '\\.(?:txt|png)$',
  '\\.html$',
  '^/a/(.*)$',
  '^/(a|b)/(.+)$',
  'x',
  '/b/?$',
  '^/(?<first>[a-z]+)/',
  '^/img/',
  '(\\w+)\\.png$',
  '^/new',
  '^/$',
]

export function generate(seed: number, index: number): Case {
  // nginx takes merge_slashes of the default server for all of them.
  const made = new Generator(new Random(seed * 1_000_003 + index), seed % 3 !== 0).case(index)
  return withAccess(made, new Random(seed * 1_000_033 + index))
}

class Generator {
  readonly #random: Random
  readonly #mergesSlashes: boolean
  /** Names of what `@name` may mean in this site. */
  #named: string[] = []

  constructor(random: Random, mergesSlashes: boolean) {
    this.#random = random
    this.#mergesSlashes = mergesSlashes
  }

  case(index: number): Case {
    const named = this.#chance(0.4) ? ['@back'] : []
    this.#named = named
    const locations = this.#locations(2 + this.#random.below(5), 0)
    const site: SpecSite = {
      name: `c${index}.test`,
      root: this.#pick(['', '/a', '/other']),
      ...(this.#mergesSlashes ? {} : { mergeSlashes: false }),
      ...this.#settings(0.25),
      steps: this.#chance(0.3) ? this.#steps(true) : [],
      locations: [...locations, ...named.map(match => ({ match, ...this.#content(match), steps: [], locations: [] }))],
    }
    return { site, requests: Array.from({ length: 20 }, () => this.#request(site)) }
  }

  #chance(of: number): boolean {
    return this.#random.below(1000) < of * 1000
  }

  #pick<Value>(from: readonly Value[]): Value {
    return from[this.#random.below(from.length)]!
  }

  #path(): string {
    const depth = this.#random.below(3)
    let path = ''
    for (let i = 0; i <= depth; i++) path += `/${this.#pick(SEGMENTS)}`
    return this.#chance(0.5) ? `${path}/` : path
  }

  #locations(count: number, depth: number, below = '', isBelowAlias = false): SpecLocation[] {
    const seen = new Set<string>()
    const locations: SpecLocation[] = []
    for (let i = 0; i < count; i++) {
      const match = this.#match(below)
      const key = match.replace(/^\^~ /, '')
      if (seen.has(key)) continue
      seen.add(key)
      const isPrefix = /^(?:\^~ )?\//.test(match)
      const nests = isPrefix && depth < 2 && this.#chance(0.25)
      const made = this.#content(match)
      // Below an alias nginx takes the prefix from the fallback of try_files, too: a known fault that nobody wants.
      const { tryFiles, ...rest } = made
      const content: Partial<SpecLocation> = isBelowAlias || tryFiles === undefined ? rest : made
      // nginx makes a location of each `if`, and loses try_files and alias there: a known fault that nobody wants.
      const ifs = content.tryFiles === undefined && content.alias === undefined
      locations.push({
        match,
        ...this.#settings(0.15),
        ...content,
        steps: this.#chance(0.35)
          ? this.#steps(ifs).filter(one => content.alias === undefined || one.flag !== 'break')
          : [],
        locations: nests
          ? this.#locations(
              1 + this.#random.below(2),
              depth + 1,
              match.replace(/^\^~ /, ''),
              isBelowAlias || content.alias !== undefined,
            )
          : [],
      })
    }
    return locations
  }

  #match(below: string): string {
    if (below !== '') return this.#pick([`${below}${this.#pick(SEGMENTS)}`, `~ ${this.#pick(PATTERNS)}`])
    switch (this.#random.below(7)) {
      case 0:
        return `= ${this.#path()}`
      case 1:
        return `^~ ${this.#path()}`
      case 2:
        return `~ ${this.#pick(PATTERNS)}`
      case 3:
        return `~* ${this.#pick(PATTERNS)}`
      case 4:
        return '/'
      default:
        return this.#path()
    }
  }

  /** What answers, and what is tried before. */
  #content(match: string): Partial<SpecLocation> {
    const isRegex = match.startsWith('~')
    const tried = this.#chance(0.25) ? { tryFiles: this.#tries() } : {}
    const internal = this.#chance(0.08) ? { internal: true } : {}
    switch (this.#random.below(isRegex || match.startsWith('@') ? 3 : 5)) {
      case 0:
        return { app: true, ...tried, ...internal }
      case 1:
        return { root: this.#pick(['', '/a', '/other', '/b']), ...tried, ...internal }
      case 2:
        return { ...tried, ...internal }
      default: {
        const isExact = match.startsWith('= ')
        if (isExact && !match.endsWith('/')) return { ...tried, ...internal }
        return { alias: `/${this.#pick(['a', 'b', 'other', 'img'])}${match.endsWith('/') ? '/' : ''}`, ...internal }
      }
    }
  }

  #tries(): string[] {
    const middle = ['$uri', '$uri/', '/index.html', '/a$uri', '$uri.txt', '/b/page.html']
    const ends = ['=404', '=403', '/index.html', '/index.html?q=$uri&$args', '/a/x.txt', ...this.#named]
    const count = 1 + this.#random.below(2)
    return [...Array.from({ length: count }, () => this.#pick(middle)), this.#pick(ends)]
  }

  #settings(of: number): SpecSettings {
    const settings: Record<string, unknown> = {}
    if (this.#chance(of))
      settings['index'] = this.#pick([['index.txt', 'index.html'], ['page.html'], ['x.txt', '/x.txt']])
    if (this.#chance(of))
      settings['headers'] = [
        ['X-One', this.#pick(['1', '$uri', '$arg_q-$request_method', '$first', VARIABLES]), this.#pick(['', 'always'])],
      ]
    if (this.#chance(of)) settings['expires'] = this.#pick(['1h', '-1', 'epoch', 'max', '30d'])
    if (this.#chance(of))
      settings['errorPage'] = [
        this.#pick([
          '404 /404.html',
          '404 =200 /a/x.txt',
          '404 = /x.txt',
          '403 404 /error.html',
          ...this.#named.map(name => `404 ${name}`),
        ]),
      ]
    if (this.#chance(of / 2)) settings['defaultType'] = this.#pick(['text/css', 'application/json'])
    if (this.#chance(of / 2)) settings['charset'] = this.#pick(['utf-8', 'koi8-r', 'off'])
    if (this.#chance(of / 2)) settings['absoluteRedirect'] = this.#chance(0.5)
    if (this.#chance(of / 2)) settings['ifModifiedSince'] = this.#pick(['off', 'exact', 'before'])
    if (this.#chance(of / 2)) settings['limitRate'] = this.#pick(['64k', '$net'])
    return settings
  }

  #steps(ifs: boolean): SpecStep[] {
    return Array.from({ length: 1 + this.#random.below(2) }, () => this.#step(ifs))
  }

  #step(ifs: boolean): SpecStep {
    switch (this.#random.below(9)) {
      case 0:
      case 1:
      case 2:
        return this.#rewrite()
      case 3:
        return { kind: 'set', name: 'mine', value: this.#pick(['$uri', 'x', '$1', '$arg_q', '$mapped']) }
      case 4:
        return { kind: 'break' }
      case 5:
      case 6: {
        if (!ifs) return this.#rewrite()
        const condition = this.#pick([
          '$arg_q',
          '$arg_q = 1',
          '$arg_q != 1',
          '$uri ~ ^/a/(.*)',
          '$request_method = POST',
          '$uri !~* X',
          '$mine',
          '$net = far',
          '$part',
          ...this.#fileTests(),
        ])
        return { kind: 'if', condition, steps: [this.#pick([this.#rewrite(true), this.#return(), this.#return()])] }
      }
      default:
        return this.#chance(0.4) ? this.#return() : this.#rewrite()
    }
  }

  #fileTests(): string[] {
    const name = this.#pick([
      '$request_filename',
      '$document_root$uri',
      '$document_root/a/x.txt',
      '$document_root/$arg_q',
    ])
    return ['-f', '!-f', '-d', '!-d', '-e', '!-e', '-x', '!-x'].map(test => `${test} ${name}`)
  }

  #rewrite(isInIf = false): SpecStep {
    const from = this.#pick(['^/a/(.*)$', '^/b/(.*)$', '^(.*)/c/(.*)$', '^/new(.*)$', '^/img/(.+)$', '\\.png$', '^'])
    const to = this.#pick([
      '/a/$1',
      '/b/$1?k=$1',
      '/other/$1?',
      '/x.txt',
      '/index.html?u=$uri',
      '/$1',
      'https://else.test/$1',
      '/img/logo.png?',
    ])
    const flag = this.#pick([undefined, 'last', 'last', isInIf ? 'last' : 'break', 'redirect', 'permanent'] as const)
    return { kind: 'rewrite', from, to, ...(flag === undefined ? {} : { flag }) }
  }

  #return(): SpecStep {
    const [status, text] = this.#pick([
      [200, 'plain'],
      [200, '$uri|$args|$is_args|$1'],
      [200, VARIABLES],
      [301, '/moved$uri'],
      [302, 'https://else.test$request_uri'],
      [303, '/x?$args'],
      [403, undefined],
      [404, undefined],
      [404, 'none'],
      [204, undefined],
      [410, undefined],
    ] as const)
    return { kind: 'return', status, ...(text === undefined ? {} : { text }) }
  }

  #request(site: SpecSite): SpecRequest {
    const own = site.locations.flatMap(({ match }) =>
      /^(?:= |\^~ )?\//.test(match) ? [match.replace(/^[=^~ ]+/, '')] : [],
    )
    const bases = [
      () => this.#pick(own.length === 0 ? ['/'] : own),
      () => this.#pick(own.length === 0 ? ['/'] : own) + this.#pick(SEGMENTS),
      () => `${this.#pick(own.length === 0 ? ['/'] : own)}/${this.#pick(SEGMENTS)}`,
      () => this.#path(),
      () => `/${this.#pick(FILES).replace(/\/$/, '')}`,
      () => '/',
    ]
    let path = this.#pick(bases)()
    path = encodeURI(path)
    if (this.#chance(0.3)) path = this.#distort(path)
    const query = this.#chance(0.3)
      ? randomQuery(this.#random)
      : this.#pick(['', '', '', '?', '?q=1', '?q=0&x=%20a', '?a=b?c', '?q=a+b'])
    const method = this.#chance(0.85) ? 'GET' : this.#pick(['HEAD', 'POST', 'PUT'] as const)
    const since = this.#chance(0.15) ? this.#pick([MODIFIED, LATER, EARLIER]) : null
    return { method, target: path + query, ...(since === null ? {} : { since: since.toUTCString() }) }
  }

  #distort(path: string): string {
    const at = this.#random.below(path.length)
    switch (this.#random.below(11)) {
      case 0:
        return path.replace('/', '//')
      case 1:
        return `${path}/.`
      case 2:
        return `${path}/..`
      case 3:
        return path.replace(/[a-z]/, letter => `%${letter.charCodeAt(0).toString(16)}`)
      case 4:
        return path.toUpperCase().replace(/%[0-9A-F]{2}/g, one => one)
      case 5:
        return `${path.slice(0, at)}%2F${path.slice(at)}`.replace(/^%2F/, '/')
      case 6:
        return `/a/..${path}`
      case 7:
        return path.endsWith('/') ? path.slice(0, -1) || '/' : `${path}/`
      case 8:
        return `${path}%20`
      case 9:
        return `${path}%3Fq`
      default:
        return `/./${path.slice(1)}`
    }
  }
}
