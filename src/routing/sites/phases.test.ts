import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RewriteStep } from '../../sites/model.ts'
import { exact, location, model, PLACE, prefix, regex, SETTINGS, site, sitesOf, text } from './testing/sites.ts'

const rewrite = (source: string, to: string, flag: 'next' | 'last' | 'break' = 'last'): RewriteStep => ({
  kind: 'rewrite',
  pattern: { source, ignoresCase: false },
  to,
  flag,
  place: PLACE,
})

test('a location is chosen as nginx does: exact, then ^~, then regex in order, then the longest prefix', () => {
  const ask = sitesOf(
    model(
      site({
        locations: [
          prefix('/', { rewrites: [text('root')] }),
          prefix('/a', { rewrites: [text('a')] }),
          prefix('/a/b', { rewrites: [text('a/b')] }, true),
          exact('/a/b/x.txt', { rewrites: [text('exact')] }),
          regex('\\.txt$', { rewrites: [text('first')] }),
          regex('x', { rewrites: [text('second')] }),
        ],
      }),
    ),
  )
  const words = (target: string) => ask(target).words
  assert.equal(words('/'), '200 root')
  assert.equal(words('/abc'), '200 a')
  assert.equal(words('/a/b/y.txt'), '200 a/b')
  assert.equal(words('/a/b/x.txt'), '200 exact')
  assert.equal(words('/a/x.txt'), '200 first')
  assert.equal(words('/a/x'), '200 second')
  assert.equal(words('/%61/./../a//b/x.txt'), '200 exact')
})

test('a site may keep the slashes of a path as they are', () => {
  const locations = [exact('/a/b', { rewrites: [text('one')] }), regex('^/a//b$', { rewrites: [text('two')] })]
  const merged = { kind: 'exact', name: 'merged' } as const
  const ask = sitesOf(model(site({ locations, mergesSlashes: false }), site({ locations, names: [merged] })))
  assert.equal(ask('/a//b').words, '200 two')
  assert.equal(ask('/a%2f/./b').words, '200 two')
  assert.equal(ask('/a//b', 'merged').words, '200 one')
})

test('of many regular expressions the first that matches wins, and keeps its groups if a text needs them', () => {
  const section = (name: string, words: string) => regex(`^/${name}/(\\w+)`, { rewrites: [text(words)] })
  const many = Array.from({ length: 20 }, (_, i) => section(`section-${i}`, `section ${i} $1`))
  const ask = sitesOf(model(site({ locations: [...many, section('section-1', 'later'), section('.*', 'other $1')] })))
  assert.equal(ask('/section-1/x').words, '200 section 1 x')
  assert.equal(ask('/section-19/y').words, '200 section 19 y')
  assert.equal(ask('/page/z').words, '200 other z')
  assert.equal(ask('/').words, '404')
})

test('nested locations come before the regular expressions of their parent', () => {
  const ask = sitesOf(
    model(
      site({
        locations: [
          prefix('/in/', { rewrites: [text('in')], locations: [regex('x$', { rewrites: [text('nested')] })] }),
          regex('x$', { rewrites: [text('outer')] }),
          regex('y$', { rewrites: [text('outer y')] }),
        ],
      }),
    ),
  )
  assert.equal(ask('/in/x').words, '200 nested')
  assert.equal(ask('/in/y').words, '200 outer y')
  assert.equal(ask('/x').words, '200 outer')
})

test('rewrites that go in a circle end after ten changes', () => {
  const ask = sitesOf(
    model(
      site({
        locations: [
          prefix('/a', { rewrites: [rewrite('^/a(.*)', '/b$1')] }),
          prefix('/b', { rewrites: [rewrite('^/b(.*)', '/a$1')] }),
        ],
      }),
    ),
  )
  assert.equal(ask('/a').words, '500')
})

test('an error page that fails is not asked for again', () => {
  const errorPages = [{ statuses: [404], becomes: null, target: '/missing' }]
  const ask = sitesOf(model(site({ root: prefix('', { settings: { ...SETTINGS, errorPages } }) })))
  assert.equal(ask('/x').words, '404')
})

test('an internal location is not for clients', () => {
  const ask = sitesOf(
    model(
      site({
        locations: [
          prefix('/secret/', { isInternal: true, rewrites: [text('secret')] }),
          prefix('/to/', { rewrites: [rewrite('^/to/(.*)$', '/secret/$1')] }),
        ],
      }),
    ),
  )
  assert.equal(ask('/secret/x').words, '404')
  assert.equal(ask('/to/x').words, '200 secret')
})

test('try_files: files, a directory, then a path with a query, a name, a status', () => {
  const tryFiles = [
    { kind: 'file', path: '$uri' },
    { kind: 'directory', path: '$uri' },
  ] as const
  const settings = { ...SETTINGS, root: '/srv' }
  const files = { settings, handler: { kind: 'files', alias: null } } as const
  const ask = sitesOf(
    model(
      site({
        locations: [
          prefix('/', { ...files, tryFiles: [...tryFiles, { kind: 'uri', uri: '/index.html?q=$uri&$args' }] }),
          exact('/index.html', { handler: { kind: 'app', name: 'spa' } }),
          prefix('/named/', { ...files, tryFiles: [...tryFiles, { kind: 'named', name: 'app' }] }),
          prefix('/none/', { ...files, tryFiles: [...tryFiles, { kind: 'status', status: 410 }] }),
          location({ kind: 'named', name: 'app' }, { handler: { kind: 'app', name: 'main' } }),
        ],
      }),
    ),
    ['/x.txt', '/dir/', '/dir/index.html'],
  )
  assert.equal(ask('/x.txt').words, 'file /x.txt')
  assert.equal(ask('/deep/link?a=1').words, 'spa /index.html?q=/deep/link&a=1')
  assert.equal(ask('/named/y?b').words, 'main /named/y?b')
  assert.equal(ask('/none/y').words, '410')
})

test('a file that cannot be looked at is refused, and is no bug', async () => {
  const errorPages = [{ statuses: [403], becomes: null, target: '/page' }]
  const handler = { kind: 'files', alias: null } as const
  const settings = { ...SETTINGS, root: '/srv', errorPages }
  const tried = prefix('/tried/', {
    settings,
    handler,
    tryFiles: [
      { kind: 'file', path: '$uri' },
      { kind: 'status', status: 410 },
    ],
  })
  const ask = sitesOf(
    model(
      site({
        locations: [tried, prefix('/index/', { settings, handler }), exact('/page', { rewrites: [text('page')] })],
      }),
    ),
    ['/index/'],
    '/tried/x',
  )
  const went = ask('/tried/x')
  await went.done
  assert.equal(went.words, '200 page')
})

test('a path that rewrites make longer and longer ends', () => {
  const rewrites = [rewrite('^(.*)$', '/$1$1')]
  const ask = sitesOf(model(site({ locations: [prefix('/', { rewrites })] })))
  assert.equal(ask(`/${'x'.repeat(8000)}`).words, '500')
  const grow: RewriteStep[] = Array.from({ length: 60 }, () => ({
    kind: 'set',
    name: 'long',
    value: '$long$long$uri',
    place: PLACE,
  }))
  const set = sitesOf(model(site({ locations: [prefix('/', { rewrites: [...grow, text('$long')] })] })))
  assert.equal(set('/x').words, '500')
})

test('a redirect leads to no other host, and ends no header', () => {
  const redirect = (to: string): RewriteStep => ({ kind: 'return', status: 301, text: to, place: PLACE })
  const ask = sitesOf(
    model(
      site({
        locations: [
          regex('^/go(.*)$', { rewrites: [redirect('$1')] }),
          regex('^/line/([^?]*)$', { rewrites: [redirect('/x/$1')] }),
          prefix('/arg', { rewrites: [redirect('/y?$arg_next')] }),
        ],
      }),
    ),
  )
  assert.equal(ask('/go/%2fevil.test/').words, '301 /evil.test/')
  assert.equal(ask('/go%5C%5Cevil.test').words, '301 %5C%5Cevil.test')
  assert.equal(ask('/line/a%0d%0aSet-Cookie:%20x').words, '301 /x/a%0D%0ASet-Cookie:%20x')
  assert.equal(ask('/arg?next=%0d%0aX').words, '301 /y?%0d%0aX')
})

test('names: exact, the longest suffix, a prefix, a regex, the default', () => {
  const named = (label: string, ...names: Parameters<typeof site>[0]['names'] & object) =>
    site({ label, names, root: prefix('', { rewrites: [text(label)] }) })
  const ask = sitesOf(
    model(
      named('first', { kind: 'exact', name: 'a.test' }),
      named('wide', { kind: 'suffix', name: '.test' }),
      named('narrow', { kind: 'suffix', name: '.b.test' }),
      named('www', { kind: 'prefix', name: 'www.' }),
      named('regex', { kind: 'regex', pattern: { source: '^(?<who>\\w+)\\.dev$', ignoresCase: true } }),
    ),
  )
  const of = (host: string) => ask('/', host).words
  assert.equal(of('A.test:80'), '200 first')
  assert.equal(of('x.test'), '200 wide')
  assert.equal(of('x.b.test.'), '200 narrow')
  assert.equal(of('www.else'), '200 www')
  assert.equal(of('me.dev'), '200 regex')
  assert.equal(of('other'), '200 first')
  assert.equal(of(''), '200 first')
})

test('conditions on files wait for the disk, and the steps go on in their order', async () => {
  const set = (value: string): RewriteStep => ({ kind: 'set', name: 'seen', value, place: PLACE })
  const when = (path: string, steps: readonly RewriteStep[], not = false): RewriteStep => ({
    kind: 'if',
    condition: { kind: 'file', path, test: 'file', not },
    steps,
    place: PLACE,
  })
  const ask = sitesOf(
    model(
      site({
        rewrites: [
          set('a'),
          when('/run/down', [text('down')]),
          when('/srv$uri', [set('$seen-b')]),
          when('/srv$uri', [set('$seen-c'), when('/srv/never', [set('never')])], true),
          when('/srv/$arg_x', [text('outside')]),
          set('$seen-d'),
        ],
        locations: [
          prefix('/', { rewrites: [text('$seen')] }),
          prefix('/go/', { rewrites: [when('/srv/x', [rewrite('^/go/(.*)', '/$1')])] }),
        ],
      }),
    ),
    ['/srv/x', '/etc/passwd'],
  )
  const words = async (target: string) => {
    const went = ask(target)
    await went.done
    return went.words
  }
  assert.equal(await words('/x'), '200 a-b-d')
  assert.equal(await words('/y'), '200 a-c-d')
  assert.equal(await words('/go/x'), '200 a-c-d')
  assert.equal(await words('/x?x=../etc/passwd'), '200 a-b-d', 'a client chooses no name of the machine')
})

test('a question mark in the name of a directory begins no query when its index is looked for', () => {
  const settings = { ...SETTINGS, root: '/srv' }
  const locations = [prefix('/', { settings, handler: { kind: 'files', alias: null } })]
  const ask = sitesOf(model(site({ locations })), ['/a?b/', '/a?b/index.html'])
  assert.equal(ask('/a%3Fb/').words, 'file /a?b/index.html')
})
