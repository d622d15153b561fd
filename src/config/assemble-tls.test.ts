/** Certificates in the flat settings and in `[[tls]]`: what becomes of them, what contradicts each other, and what HUP may change. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { reloader } from './load.ts'
import { printConfig } from './print.ts'
import { parseArguments } from './sources/arguments.ts'
import { loaded, told } from './testing/applications.ts'

const APP = 'app = "app"\n'
const FLAT = `${APP}tls-cert = "c.pem"\ntls-key = "k.pem"\n`
const TABLE = '[[tls]]\ncert = "t.pem"\nkey = "t.key"\n'
const RSA = 'ECDHE-RSA-AES128-GCM-SHA256'
const OF_1_3 = 'TLS_AES_128_GCM_SHA256'

test('a table has paths from the directory of its file, names in one form, and flat rules unless it has its own', t => {
  const { config, environment } = loaded(
    t,
    `${FLAT}tls-min-version = 1.3\n[[tls]]\ncert = ["r.pem", "e.pem"]\nkey = ["r.key", "/e.key"]\nstaple = ["off", "e.der"]\nnames = ["Bücher.Example", "*.X.kr."]\n${TABLE}min-version = "1.2"\nclient-certs = "optional"\nclient-ca = "ca.pem"\n`,
  )
  const { entries } = config.tls
  const at = (path: string) => join(environment.cwd, path)
  assert.deepEqual(
    entries.map(({ names, minVersion, isDefault, certificates }) => ({ names, minVersion, isDefault, certificates })),
    [
      {
        names: [],
        minVersion: 'TLSv1.3',
        isDefault: true,
        certificates: [{ certificate: at('c.pem'), key: at('k.pem'), staple: null }],
      },
      {
        names: ['xn--bcher-kva.example', '*.x.kr'],
        minVersion: 'TLSv1.3',
        isDefault: false,
        certificates: [
          { certificate: at('r.pem'), key: at('r.key'), staple: null },
          { certificate: at('e.pem'), key: '/e.key', staple: at('e.der') },
        ],
      },
      {
        names: [],
        minVersion: 'TLSv1.2',
        isDefault: false,
        certificates: [{ certificate: at('t.pem'), key: at('t.key'), staple: null }],
      },
    ],
  )
  assert.deepEqual(
    entries.map(({ clients }) => clients),
    [null, null, { isRequired: false, authorities: at('ca.pem'), revoked: null, depth: null }],
  )
})

test('the default entry is the one that says so, else that of the flat settings, else the first', t => {
  const defaults = (toml: string) => loaded(t, toml).config.tls.entries.map(({ isDefault }) => isDefault)
  assert.deepEqual(defaults(`${FLAT}${TABLE}`), [true, false])
  assert.deepEqual(defaults(`${APP}${TABLE}${TABLE}`), [true, false])
  assert.deepEqual(defaults(`${FLAT}${TABLE}${TABLE}default = true\n`), [false, false, true])
})

/** Each is one mistake, and has one message. */
const WRONG: readonly (readonly [what: string, toml: string, told: RegExp])[] = [
  ['certificate without key', `${APP}tls-cert = "c.pem"`, /tls-cert needs its key: give tls-key too$/],
  ['key without certificate', `${APP}tls-key = "k.pem"`, /tls-key needs a certificate: give tls-cert too$/],
  [
    'different counts',
    `${FLAT.replace('"c.pem"', '["c.pem", "d.pem"]')}`,
    /:3:11: tls-key must be given once for each/,
  ],
  ['password alone', `${APP}tls-key-password-file = "p"`, /tls-key-password-file needs a certificate/],
  [
    'clients alone',
    `${APP}tls-client-certs = "required"\ntls-client-ca = "ca.pem"`,
    /tls-client-certs needs a certificate/,
  ],
  [
    'no authorities',
    `${FLAT}tls-client-certs = "required"`,
    /tls-client-certs needs to know whom to trust: give tls-client-ca/,
  ],
  [
    'authorities for nobody',
    `${FLAT}tls-client-ca = "ca.pem"`,
    /tls-client-ca does nothing while tls-client-certs is off/,
  ],
  [
    'refused clients',
    `${FLAT}tls-client-certs = "yes"\ntls-client-ca = "ca.pem"`,
    /tls-client-certs must be off, optional/,
  ],
  ['refused certificate', `${APP}tls-cert = ""\ntls-key = "k.pem"`, /tls-cert must name a file/],
  ['refused staple', `${FLAT}tls-staple = ""`, /tls-staple must name a file/],
  [
    'too many',
    `${APP}tls-cert = [${'"c",'.repeat(9)}]\ntls-key = [${'"k",'.repeat(9)}]`,
    /tls-cert has 9 certificates: 8 at most/,
  ],
  [
    'https without certificate',
    `${APP}bind = "https://:8443"`,
    /bind speaks TLS, and there is no certificate: give tls-cert/,
  ],
  ['https with a wrong certificate', `${APP}bind = "https://:8443"\nhsts = 60\n[[tls]]\ncert = 1`, /cert must be text/],
  ['redirect without TLS', `${APP}redirect-to-https = true`, /redirect-to-https needs an address that speaks TLS/],
  [
    'redirect while no address speaks TLS',
    `${FLAT}redirect-to-https = true\nbind = "http://:80"`,
    /needs an address that speaks TLS: as in -b https:\/\/:443$/,
  ],
  ['redirect from nowhere', `${FLAT}redirect-to-https = true`, /redirect-to-https needs a plain address too/],
  ['hsts without TLS', `${APP}hsts = "5m"`, /hsts needs an address that speaks TLS/],
  ['the same address', `${FLAT}bind = [":80", "http://:80"]`, /bind names 0.0.0.0:80 twice/],
  [
    'two defaults',
    `${APP}${TABLE}default = true\n${TABLE}default = true\n`,
    /^jumak.toml:6:3 \[\[tls\]\]: jumak.toml:2:3 \[\[tls\]\] is the default already/,
  ],
  [
    'a name of two',
    `${APP}${TABLE}names = "A.kr"\n${TABLE}names = "a.kr."\n`,
    /^jumak.toml:6:3: a.kr has the entry jumak.toml:2:3 \[\[tls\]\] already/,
  ],
  ['a name twice', `${APP}${TABLE}names = ["a.kr", "A.kr"]\n`, /names has a.kr twice: each name may be given once/],
  ['every name', `${APP}${TABLE}names = "*"\n`, /names must be a name: default = true is for all others/],
  ['a wildcard inside', `${APP}${TABLE}names = "a.*.kr"\n`, /names must be a name as in/],
  ['an empty table', `${APP}[[tls]]\n`, /an entry \[\[tls\]\] needs a certificate, as in cert = "site.pem"/],
  ['a table without key', `${APP}[[tls]]\ncert = "c"\n`, /cert needs its key: give key too/],
  ['a mistake in a table', `${APP}[[tls]]\ncert = 1\nkey = "k"\n`, /cert must be text in quotes/],
  ['one bracket', `${APP}[tls]\ncert = "c"\n`, /a certificate is a table in two brackets, \[\[tls\]\]/],
  [
    'a flat name in a table',
    `${APP}${TABLE}tls-ciphers = "auto"\n`,
    /an entry \[\[tls\]\] has no setting tls-ciphers; did you mean ciphers\?/,
  ],
  [
    'a flat name for the certificate',
    `${APP}[[tls]]\ntls-cert = "c"\nkey = "k"\n`,
    /an entry \[\[tls\]\] has no setting tls-cert; did you mean cert\?/,
  ],
  [
    'a name of another server',
    `${APP}${TABLE}certfile = "c"\n`,
    /an entry \[\[tls\]\] has no setting certfile; did you mean cert\?/,
  ],
  ['no key at all', `${APP}${TABLE}hsts = "5m"\n`, /hsts is for the whole program: write it at the top/],
  ['a key at the top', `${APP}client-ca = "c"\n`, /client-ca/],
  [
    'unknown cipher',
    `${FLAT}tls-ciphers = "${RSA}:ECDHE-RSA-AES128-GMC-SHA256"`,
    /tls-ciphers has ECDHE-RSA-AES128-GMC-SHA256, which OpenSSL \d\S* does not know \(did you mean ECDHE-RSA-AES128-GCM-SHA256\?\)$/,
  ],
  [
    'lower case',
    `${FLAT}tls-ciphers = "${RSA.toLowerCase()}"`,
    /does not know \(did you mean ECDHE-RSA-AES128-GCM-SHA256\?\)$/,
  ],
  [
    'unknown cipher of 1.3',
    `${FLAT}tls-ciphers = "TLS_AES_128_GCM_SHA265"`,
    /\(did you mean TLS_AES_128_GCM_SHA256\?\)$/,
  ],
  [
    'unknown command',
    `${FLAT}tls-ciphers = "HIGH:@SECLVEL=2"`,
    /tls-ciphers has @SECLVEL=2, which OpenSSL \d\S* does not know: leave it out$/,
  ],
  ['no encryption', `${FLAT}tls-ciphers = "eNULL"`, /tls-ciphers has no cipher with encryption and certificates/],
  [
    'nothing for 1.2',
    `${FLAT}tls-ciphers = "${OF_1_3}"`,
    /tls-ciphers has ciphers of TLS 1.3 only: add some of TLS 1.2, or set tls-min-version to 1.3$/,
  ],
  [
    'nothing for 1.2 of a table',
    `${FLAT}tls-min-version = 1.3\ntls-ciphers = "${OF_1_3}"\n${TABLE}min-version = 1.2\n`,
    /tls-ciphers|ciphers has ciphers of TLS 1.3 only/,
  ],
]

for (const [what, toml, message] of WRONG)
  test(`refused: ${what}`, t => {
    const messages = told(t, toml)
    assert.equal(messages.length, 1, messages.join('\n'))
    assert.match(messages[0]!, message)
  })

test('an included file may have certificates; their paths start at its directory', t => {
  const files = { 'sites/a.toml': `${APP}chdir = ".."\n${TABLE}`, 'sites/b.crt': '', 'sites/b.key': '' }
  const { config } = loaded(t, 'include = "sites/*.toml"\n', { files })
  assert.match(config.tls.entries[0]!.certificates[0]!.certificate, /\/sites\/[^/]+$/)
})

test('a list of ciphers leaves TLS 1.3 on, and nobody gets a connection that is not encrypted', t => {
  const ciphersOf = (toml: string) => loaded(t, toml).config.tls.entries.map(({ ciphers }) => ciphers)
  assert.deepEqual(ciphersOf(`${FLAT}tls-ciphers = "${RSA}:!RC4"\n${TABLE}ciphers = "auto"\n`), [
    `TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:${RSA}:!RC4:!aNULL:!eNULL`,
    null,
  ])
  assert.deepEqual(ciphersOf(`${FLAT}tls-ciphers = "${OF_1_3}"\ntls-min-version = 1.3\n`), [OF_1_3])
})

/** Null: no warning. */
const WARNINGS: readonly (readonly [words: string, warning: RegExp | null])[] = [
  ['--tls self-signed --reload', null],
  [
    '--tls self-signed',
    /^--tls self-signed is for development: nobody but this machine believes the certificate; give tls-cert/,
  ],
  ['--tls self-signed --reload --hsts 5m', /^--hsts stays in browsers when --tls self-signed is gone/],
  ['--tls-cert c --tls-key k -b http://:80', /^--tls-cert does nothing while every address is http:\/\/$/],
  ['--tls-min-version 1.3', /^--tls-min-version does nothing without TLS: give tls-cert/],
  ['--tls-ciphers auto', /^--tls-ciphers does nothing without TLS: give tls-cert/],
  ['--tls-cert c --tls-key k --tls-min-version 1.3 --hsts 5m', null],
]

for (const [words, warning] of WARNINGS)
  test(`${words}: ${warning === null ? 'no warning' : 'a warning'}`, t => {
    const { warnings } = loaded(t, '', { words: ['app', ...words.split(' ')] })
    assert.equal(warnings.length, warning === null ? 0 : 1, warnings.join('\n'))
    if (warning !== null) assert.match(warnings[0]!, warning)
  })

test('what is printed is a file that means the same, with tables and without a word for tables', t => {
  const { environment, ...first } = loaded(t, `${APP}${TABLE}names = "a.kr"\n`, { words: ['--tls', 'self-signed'] })
  const printed = printConfig(first, environment)
  assert.match(printed, /^# tls = "self-signed"/m)
  assert.match(printed, /^\[\[tls\]\]\ncert = ".*\/t\.pem" .*\nkey = ".*\/t\.key" .*\nnames = "a\.kr"/m)
  const again = loaded(t, printed).config.tls.entries
  assert.deepEqual(again[0]!.certificates, first.config.tls.entries[0]!.certificates)
})

function reloads(t: TestContext, toml: string) {
  const { environment, ...first } = loaded(t, toml)
  const reload = reloader(() => parseArguments([]), environment, first)
  return (next: string) => {
    writeFileSync(join(environment.cwd, 'jumak.toml'), next)
    const read = reload()
    assert.ok('config' in read, JSON.stringify(read))
    return {
      changed: read.changed,
      paths: read.config.tls.entries.map(one => one.certificates[0]!.certificate.split('/').at(-1)),
    }
  }
}

test('HUP exchanges certificates, and adds and removes tables beside others', t => {
  const reload = reloads(t, `${APP}${TABLE}`)
  const table = { name: '[[tls]]', change: 'live' }
  assert.deepEqual(reload(`${APP}${TABLE}${TABLE.replace('t.pem', 'u.pem')}`), {
    changed: [table],
    paths: ['t.pem', 'u.pem'],
  })
  const flat = ['tls-cert', 'tls-key'].map(name => ({ name, change: 'live' }))
  assert.deepEqual(reload(FLAT), { changed: [...flat, table], paths: ['c.pem'] })
  assert.deepEqual(reload(FLAT), { changed: [], paths: ['c.pem'] })
})

test('HUP changes redirect and HSTS, but not together with addresses, which they may need', t => {
  const both = `${FLAT}bind = ["https://:8443", "http://:8080"]\n`
  const rules = 'redirect-to-https = true\nhsts = "5m"\n'
  const changes = (before: string, after: string) =>
    reloads(t, before)(after).changed.map(({ name, change }) => `${name} ${change}`)
  assert.deepEqual(changes(both, both + rules), ['redirect-to-https live', 'hsts live'])
  assert.deepEqual(changes(both + rules, both), ['redirect-to-https live', 'hsts live'])
  assert.deepEqual(changes(FLAT, both + rules), ['bind restart', 'redirect-to-https restart', 'hsts restart'])
  const { environment, ...first } = loaded(t, FLAT)
  writeFileSync(join(environment.cwd, 'jumak.toml'), `${FLAT}redirect-to-https = true\n`)
  const refused = reloader(() => parseArguments([]), environment, first)()
  assert.ok('problems' in refused)
  assert.match(refused.problems.join(), /redirect-to-https needs a plain address too/)
})

test('the first certificate and the end of the last one wait for a restart: addresses would speak something else', t => {
  const flat = ['tls-cert', 'tls-key'].map(name => ({ name, change: 'restart' }))
  const table = { name: '[[tls]]', change: 'restart' }
  assert.deepEqual(reloads(t, APP)(FLAT), { changed: flat, paths: [] })
  assert.deepEqual(reloads(t, APP)(`${APP}${TABLE}`), { changed: [table], paths: [] })
  assert.deepEqual(reloads(t, FLAT)(APP), { changed: flat, paths: ['c.pem'] })
  assert.deepEqual(reloads(t, `${APP}${TABLE}`)(APP), { changed: [table], paths: ['t.pem'] })
})
