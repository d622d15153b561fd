import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loaded, SHOP, told } from './testing/applications.ts'

test('rules that nobody reaches, locks that are open, a path with nothing to say: told once, where they are written', t => {
  const { warnings } = loaded(
    t,
    `${SHOP}[[site]]
app = "shop"
access = ["allow 10.0.0.0/8", "allow all", "deny 192.0.2.1"]
locations = [
  { match = "/inherits/", app = "shop" },
  { match = "/open/", app = "shop", auth-request = "/ask", satisfy = "any" },
  { match = "/odd/", app = "shop", auth-request = "/nothing", access = ["deny all"] },
  { match = "/post/", app = "shop", access = ["deny all"], limit-except = "GET", limit-except-access = ["deny all", "allow 10.0.0.1"] },
  { match = "= /nothing", root = "/nowhere" },
  { match = "= /ask", return = 204 },
]
`,
  )
  const found = warnings.filter(one => !/which is not there/.test(one)).map(one => one.replace(/^jumak\.toml:/, ''))
  assert.deepEqual(found, [
    '4:3: access never comes to "deny 192.0.2.1": "allow all" before it decides for everybody',
    '9:3: with satisfy = "any", "allow all" lets everybody in, and auth-request is not asked',
    '11:3: access never comes to "allow 10.0.0.1": "deny all" before it decides for everybody',
  ])
})

test('status that everybody may read is told', t => {
  const { warnings } = loaded(
    t,
    `${SHOP}[[site]]
app = "shop"
locations = [
  { match = "= /open", status = "text" },
  { match = "= /own", status = "json", access = ["allow 127.0.0.1", "deny all"] },
  { match = "= /inner", status = "json", internal = true },
  { match = "/ops/", app = "shop", access = ["deny all"], locations = [{ match = "/ops/status", status = "text" }] },
]
`,
  )
  assert.deepEqual(warnings, [
    'jumak.toml:7:3: status tells everybody how busy the program is: add access = ["allow 127.0.0.1", "deny all"], or a password',
  ])
})

test('mistakes of access are told with their places', t => {
  const problems = told(
    t,
    `${SHOP}[[site]]
app = "shop"
access = ["allow everybody", "deny 10.0.0.0/40", "10.0.0.1"]
locations = [
  { match = "/a/", app = "shop", auth-basic = "Staff" },
  { match = "/b/", app = "shop", auth-basic = "Staff", auth-users = "no-such-file" },
  { match = "/c/", app = "shop", auth-request = "auth" },
  { match = "/d/", app = "shop", limit-except = "get" },
  { match = "/e/", app = "shop", auth-request = "/a", auth-request-set = { "x-y" = "$status" } },
]
`,
  ).map(one => one.replace(/^[^ ]*jumak\.toml:\d+:\d+: /, ''))
  const expected = [
    /^access must have an IP address, a range as in 10\.0\.0\.0\/8, unix: or all after allow, not 'allow everybody'/,
    /^access must have an IP address, a range/,
    /^access must be as in "allow 10\.0\.0\.0\/8" or "deny all"/,
    /^auth-basic needs auth-users, a file of names and passwords/,
    /^auth-users names .*no-such-file, which cannot be read: ENOENT/,
    /^auth-request must be a path of the site, as in \/auth/,
    /^limit-except must have methods in capitals/,
    /^auth-request-set must have names of variables/,
  ]
  assert.equal(problems.length, expected.length, problems.join('\n'))
  for (const pattern of expected)
    assert.ok(
      problems.some(one => pattern.test(one)),
      `${pattern}\n${problems.join('\n')}`,
    )
})
