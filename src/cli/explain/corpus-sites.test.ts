/**
 * Sites as people have them, written by hand in TOML (`test/corpus-sites/`): what becomes of requests to each. Beside `NAME.toml` stands
 * `NAME.requests`: files that are there, then a line for each request and one for what becomes of it.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { shellWords } from '../../adapters/shell-words.ts'
import { loaded } from '../../config/testing/applications.ts'
import { explainRequest } from '../../gateway/sites/explained.ts'
import { type Report, reportOf } from './report.ts'
import { makeRequest } from './request.ts'
import { readExplainWords } from './words.ts'

const DIRECTORY = join(import.meta.dirname, '../../../test/corpus-sites')

/** The last location, what answers, and what of the head was configured. */
function outcomeOf({ answer, steps, settings }: Report): string {
  const location = steps.findLast(({ kind }) => kind === 'location')?.what ?? 'no location'
  const shown = (headers: readonly string[]) =>
    headers
      .flatMap((name, i, all) => (i % 2 === 0 && SHOWN.test(name) ? [`${name}: ${all[i + 1]}`] : []))
      .filter(one => one !== 'X-Forwarded-Proto: http' && one !== 'Cache-Control: no-store')
  const limits = new Set(steps.filter(({ kind, applies }) => kind === 'limit' && applies).map(({ what }) => what))
  const words = (): readonly string[] => {
    switch (answer.from) {
      case 'nobody':
        return ['closed']
      case 'application':
        return [`application ${answer.application}`, answer.pathInfo]
      case 'upstream':
        return [`upstream ${answer.upstream}`, answer.request.replace(/ HTTP\/1\.1$/, ''), ...shown(answer.headers)]
      default:
        return [String(answer.status), answer.file ?? answer.from, ...shown(answer.headers)]
    }
  }
  const timeout = settings.find(({ name }) => name === 'proxy-read-timeout' && answer.from === 'upstream')?.value
  return [
    location,
    ...words(),
    ...(limits.size > 0 ? [`limits ${[...limits].join(' ')}`] : []),
    ...(timeout === undefined ? [] : [`waits ${timeout}`]),
  ].join(' · ')
}
const SHOWN =
  /^(?:location|cache-control|content-security-policy|x-(?!content-type-options|real-ip|request-id|forwarded-(?:for|host|port)).*|access-control-.*|www-authenticate|uwsgi_module|script_filename|script_name)$/i

for (const name of readdirSync(DIRECTORY)
  .filter(one => one.endsWith('.toml'))
  .map(one => one.slice(0, -5)))
  test(`${name}: each request has its location and its answer`, async t => {
    const [toml, requests] = ['toml', 'requests'].map(ending =>
      readFileSync(join(DIRECTORY, `${name}.${ending}`), 'utf8'),
    )
    const lines = requests!.split('\n')
    const files = lines.filter(one => one.startsWith('file ')).map(one => [one.slice(5), ''] as const)
    const given = loaded(t, toml!, { files: Object.fromEntries(files) })
    // Files of passwords are empty here.
    assert.deepEqual(
      given.warnings.filter(one => !one.includes('auth-users')),
      [],
    )
    for (const [i, line] of lines.entries()) {
      if (!/^(?:\/|https?:)/.test(line)) continue
      const got = await outcome(given, line)
      assert.equal(got, lines[i + 1]!.trim(), line)
    }
  })

async function outcome(given: ReturnType<typeof loaded>, line: string): Promise<string> {
  const [url = '', more = ''] = line.split(' | ')
  const split = shellWords(more)
  assert.ok('words' in split, line)
  const words = readExplainWords([url, ...split.words])
  assert.ok('url' in words, line)
  const asked = makeRequest(words, given.config)
  assert.ok('request' in asked, line)
  const explained = await explainRequest(given.config, { ...asked, address: words.from })
  return outcomeOf(reportOf(explained, asked, given)).replaceAll(`${given.environment.cwd}/`, '')
}
