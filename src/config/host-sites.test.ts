/** Hosts and paths of applications beside `[[site]]`: which application gets a request, and what is told. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { sitesOf } from '../routing/sites/testing/sites.ts'
import { loaded, told } from './testing/applications.ts'

const app = (name: string, more = '') => `[[app]]\nname = "${name}"\napp = "shop.wsgi"\n${more}\n`
const FILES = '[[site]]\nnames = ["files.kr"]\nroot = "/"\n'

/** `a.kr/x` → the application, `file`, or a status. */
function finder(t: TestContext, toml: string): (url: string) => string {
  const ask = sitesOf(loaded(t, toml).config.sites)
  return url => {
    const slash = url.indexOf('/')
    return ask(url.slice(slash), url.slice(0, slash)).words.split(' ')[0]!
  }
}

test('hosts are the names of a site, and the path leads to the application', t => {
  const find = finder(
    t,
    `${app('shop', 'hosts = ["shop.kr", "*.shop.kr"]')}${app('api', 'hosts = ["shop.kr"]\npath = "/api"')}${FILES}`,
  )
  assert.equal(find('shop.kr/'), 'shop')
  assert.equal(find('shop.kr/apix'), 'shop')
  assert.equal(find('shop.kr//api'), 'shop')
  assert.equal(find('shop.kr/api'), 'api')
  assert.equal(find('shop.kr/api/x'), 'api')
  assert.equal(find('a.shop.kr/api/x'), 'shop')
  assert.equal(find('files.kr/api'), 'file')
  // Nobody names it: the first site.
  assert.equal(find('other.kr/api'), 'file')
})

test('what a host leaves goes to the longest suffix, then to applications without hosts', t => {
  const toml =
    app('exact', 'hosts = ["a.b.kr"]\npath = "/one"') +
    app('near', 'hosts = ["*.b.kr"]\npath = "/one/two"') +
    app('far', 'hosts = ["*.kr"]\npath = "/two"') +
    app('rest', 'root-path = "/outer"\npath = "/rest"')
  const find = finder(t, toml + FILES)
  assert.equal(find('a.b.kr/one/two'), 'exact')
  assert.equal(find('a.b.kr/two'), 'far')
  assert.equal(find('c.b.kr/one/two/x'), 'near')
  assert.equal(find('c.b.kr/one'), '404')
  assert.equal(find('c.kr/rest/'), 'rest')
  assert.equal(find('other.com/outer/rest/x'), 'rest')
  assert.equal(find('other.com/x'), '404')
  assert.equal(find('/rest'), 'rest')
  assert.equal(find('files.kr/rest'), 'file')
})

test('an application that a location names is there alone, unless it has hosts', t => {
  const site = '[[site]]\nnames = ["files.kr"]\nlocations = [{ match = "/x/", app = "shop" }]\n'
  const hidden = finder(t, app('shop', 'path = "/shop"') + site)
  assert.equal(hidden('files.kr/x/'), 'shop')
  assert.equal(hidden('other.kr/shop'), '404')
  const both = finder(t, app('shop', 'path = "/shop"\nhosts = ["shop.kr"]') + site)
  assert.equal(both('files.kr/x/'), 'shop')
  assert.equal(both('shop.kr/shop'), 'shop')
})

test('a name that a site has is told, and so is an application that gets nothing', t => {
  const twice = loaded(t, `${app('shop', 'hosts = ["files.kr"]')}${FILES}`)
  assert.deepEqual(twice.warnings, [
    'jumak.toml:1:3: the site at jumak.toml:5:3 has the name files.kr already: that one gets its requests',
  ])
  assert.deepEqual(loaded(t, `${app('shop')}[[site]]\nroot = "/"\n`).warnings, [
    'jumak.toml:1:3: the application shop gets no request: no site has app = "shop"',
  ])
  assert.deepEqual(loaded(t, `${app('shop')}${app('api')}${FILES}`).warnings, [
    'jumak.toml:5:3: the application api gets no request: no site has app = "api"',
  ])
})

test('two applications with the same host and path are refused', t => {
  const problems = told(t, `${app('shop', 'hosts = ["a.kr"]')}${app('api', 'hosts = ["a.kr"]')}${FILES}`)
  assert.match(problems.join('\n'), /the path \/ of a\.kr is for the application shop/)
  assert.equal(problems.length, 1)
})
