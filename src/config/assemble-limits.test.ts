/** Limits and logs of a file: what locations inherit, and what is told of mistakes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loaded, SHOP, told } from './testing/applications.ts'

const LIMITS = `[[limit]]\nname = "often"\nrate = "30/m"\n[[limit]]\nname = "much"\nkey = "$server_name"\nconnections = 9\n`
const LOGS = `[[log]]\nname = "all"\nfile = "all.log"\nformat = "json"\n[[log]]\nname = "far"\nsyslog = "udp://127.0.0.1:5140"\n`

test('a location has the limits and logs of its site, or its own as a whole', t => {
  const { config } = loaded(
    t,
    `${SHOP}${LIMITS}${LOGS}[[site]]
app = "shop"
limits = ["often burst=2", "much"]
logs = ["all", "far"]
locations = [
  { match = "/a/", limits = "often", logs = ["access", "far"] },
  { match = "/b/", limits = "off", logs = "off" },
  { match = "/c/" },
]
`,
  )
  const [site] = config.sites.sites
  const said = [site!.root, ...site!.locations].map(({ settings: { limits, logs } }) => [
    limits.map(({ name, burst }) => `${name} ${burst}`),
    logs,
  ])
  const ofSite = [
    ['often 2', 'much 0'],
    ['all', 'far'],
  ]
  assert.deepEqual(said, [ofSite, [['often 0'], ['access', 'far']], [[], []], ofSite])
  assert.deepEqual(
    config.sites.limits.map(({ of }) => of),
    [
      { kind: 'rate', interval: 2_000_000 },
      { kind: 'connections', most: 9 },
    ],
  )
  const [all, far] = config.sites.logs
  assert.match((all!.target as { readonly path: string }).path, /^\/.*\/all\.log$/)
  assert.equal(all!.escape, 'json')
  assert.deepEqual(far!.target, { kind: 'udp', host: '127.0.0.1', port: 5140 })
})

const SITE = (keys: string) => `${SHOP}${LIMITS}${LOGS}[[site]]\napp = "shop"\n${keys}\n`

for (const [toml, expected] of [
  [SITE('cors = "https://a.kr/"'), /must be an origin in lower case/],
  [SITE('cors = "*"\ncors-credentials = true'), /must name the origins beside cors-credentials/],
  [SITE('cors = ["off", "https://a.kr"]'), /must be off alone/],
  [SITE('cookie-flags = "a samesite=none"'), /must have secure beside samesite=none/],
  [`${SHOP}[[limit]]\nname = "x"\n[[site]]\napp = "shop"`, /a limit has either rate, .* or connections/],
  [`${SHOP}[[limit]]\nname = "x"\nrate = "1/s"\nconnections = 2\n[[site]]\napp = "shop"`, /a limit has either rate/],
  [`${SHOP}[[limit]]\nrate = "1/s"\n[[site]]\napp = "shop"`, /a limit needs name/],
  [`${SHOP}[[limit]]\nname = "x"\nrate = "often"\n[[site]]\napp = "shop"`, /must be requests in a time/],
  [`${SHOP}[[limit]]\nname = "x"\nrate = "1/s"\nkey = "$nothing"\n[[site]]\napp = "shop"\nlimits = "x"`, /\$nothing/],
  [SITE('limits = "other"'), /name of a \[\[limit\]\]: there are often, much/],
  [SITE('limits = ["often", "often burst=2"]'), /must name often once/],
  [SITE('limits = ["often", "off"]'), /must stand alone/],
  [SITE('limits = "much burst=2"'), /must have no burst/],
  [SITE('limits = "often burst=x"'), /must be the name of a \[\[limit\]\], and then burst=N/],
  [SITE('logs = "other"'), /must be off, or name one of access, all, far/],
  [SITE('logs = ["all", "all"]'), /must name all once/],
  [`${SHOP}[[log]]\nname = "x"\n[[site]]\napp = "shop"`, /a log has either file, .* or syslog/],
  [
    `${SHOP}[[log]]\nname = "x"\nfile = "x"\nformat = "main"\n[[site]]\napp = "shop"`,
    /must be combined, json, or text/,
  ],
  [`${SHOP}[[log]]\nname = "x"\nfile = "x"\nformat = "$nothing"\n[[site]]\napp = "shop"`, /\$nothing/],
  [`${SHOP}[[log]]\nname = "x"\nfile = "x"\nsample = 0\n[[site]]\napp = "shop"`, /no request would have a line/],
  [`${SHOP}[[log]]\nname = "access"\nfile = "x"\n[[site]]\napp = "shop"`, /neither off nor access/],
  [`${SHOP}[limit]\nname = "x"\n`, /a limit is a table in two brackets, \[\[limit\]\]/],
] as const)
  test(`a mistake is told: ${expected}`, t => {
    assert.match(told(t, toml).join('\n'), expected)
  })
