/**
 * Each documented configuration of a proxy, with a client that makes up every header in which proxies speak: the application sees the
 * truth, whichever headers the program was told to believe. The real proxy, set up as the page says.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { FORWARDED_HEADERS } from '../../src/base/forwarded-headers.ts'
import { codeBlocks } from '../support/documents.ts'
import { whyNoPython } from '../support/environments/environments.ts'
import { ROOT } from '../support/paths.ts'
import { getOnce } from '../support/raw-client.ts'
import { Reader } from '../support/reader.ts'

const APP = `import json


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({key: value for key, value in environ.items() if isinstance(value, str)}).encode()]
`

const SPOOFED = [
  ...[
    'X-Forwarded-For: 6.6.6.6',
    'X-Forwarded-For: 6.6.6.6, 127.0.0.1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Proto: wss',
  ],
  ...['X-Forwarded-Host: evil.example', 'X-Forwarded-Port: 666', 'X-Forwarded-Prefix: /evil', 'X-Forwarded-Ssl: on'],
  ...['X-Forwarded-Protocol: ssl', 'Forwarded: for=6.6.6.6;host=evil.example;proto=https', 'Forwarded: for="'],
  ...['X_Forwarded_Host: evil.example', 'X_Forwarded_For: 6.6.6.6'],
]
/** A client may name any header in `Connection`. Proxies then remove it, some of them after they have set it. */
const HOP_BY_HOP = `Connection: close, ${FORWARDED_HEADERS.join(', ')}`

/** The last has no package: it is tested where somebody has installed it. */
const PROXIES = [
  { page: 'behind-nginx', program: 'nginx', isEverywhere: true },
  { page: 'behind-caddy', program: 'caddy', isEverywhere: true },
  { page: 'behind-traefik', program: 'traefik', isEverywhere: false },
]
const BELIEVED = [
  [],
  ['--forwarded-headers', FORWARDED_HEADERS.filter(name => name !== 'forwarded').join(',')],
  ['--forwarded-headers', 'Forwarded'],
]

const noPython = await whyNoPython()

for (const { page, program, isEverywhere } of PROXIES) {
  const isThere = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  if (!isThere && !isEverywhere) continue
  for (const args of BELIEVED)
    test(`docs/how-to/${page}.md, ${args.join(' ') || 'by default'}: nothing that a client makes up counts`, {
      skip: noPython || (isThere ? false : `${program} is not installed`),
    }, async t => {
      const reader = new Reader(t, { files: { 'app.py': APP }, args })
      try {
        const text = readFileSync(join(ROOT, 'docs/how-to', `${page}.md`), 'utf8')
        for (const block of codeBlocks(text)) if (!block.attributes.has('expect')) await reader.follow(block)
        const host = `127.0.0.1:${reader.port(8080)}`
        for (const headers of [SPOOFED, [...SPOOFED, HOP_BY_HOP]]) {
          const response = await getOnce(reader.port(8080), '/cart', `Host: ${host}`, ...headers)
          assert.equal(response.status, 200, response.body.toString())
          const environ: Record<string, string> = JSON.parse(response.body.toString())
          const { REMOTE_ADDR, HTTP_HOST, SCRIPT_NAME, PATH_INFO } = environ
          assert.deepEqual([HTTP_HOST, SCRIPT_NAME, PATH_INFO], [host, '', '/cart'])
          assert.equal(environ['wsgi.url_scheme'], 'http')
          // Behind a Unix socket and without X-Forwarded-For there is no address.
          if (args[1] !== 'Forwarded') assert.equal(REMOTE_ADDR, '127.0.0.1')
          // An application that reads these by itself is told no lies either.
          for (const [key, value] of Object.entries(environ))
            if (key.includes('FORWARDED')) assert.doesNotMatch(value, /6\.6\.6\.6|evil|\b666\b|https|wss|ssl|on|"/, key)
        }
      } finally {
        await reader.leave()
      }
    })
}
