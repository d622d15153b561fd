/**
 * `jumak explain URL`: what would become of a request, from the files alone. Runs in the command line; nothing needs to run, and nothing is
 * asked of a program that does.
 *
 * Exit codes: 0 explained, whatever the status of the answer; 2 the words or the settings are wrong.
 */
import { twoColumns, wrap } from '../../base/layout.ts'
import { checkSites } from '../../config/check-sites.ts'
import { loadConfig } from '../../config/load.ts'
import { parseArguments } from '../../config/sources/arguments.ts'
import { explainRequest } from '../../gateway/sites/explained.ts'
import { plain, plainJson } from '../admin/plain.ts'
import { findEnvironment } from '../run.ts'
import { describeTerminal, type Terminal, writeTo } from '../terminal.ts'
import { addressesOf } from './addresses.ts'
import { renderReport } from './render.ts'
import { reportOf } from './report.ts'
import { makeRequest } from './request.ts'
import { readExplainWords } from './words.ts'

const [DONE, FAILED, WRONG_USAGE] = [0, 1, 2]

/** Resolves with the exit code. `rest`: the words besides `explain`. */
export async function runExplain(rest: readonly string[]): Promise<number> {
  const words = readExplainWords(rest)
  const terminal = describeTerminal(process.stdout, process.env)
  if ('isHelp' in words) {
    writeTo(process.stdout, explainHelp(terminal))
    return DONE
  }
  if ('problem' in words) return fail(WRONG_USAGE, [words.problem, 'try jumak explain --help'])
  const environment = findEnvironment()
  if (environment === null)
    return fail(FAILED, ['the working directory does not exist any more; change to one that does'])
  const loaded = loadConfig(parseArguments(words.where), environment, checkSites)
  if ('diagnostics' in loaded)
    return fail(
      WRONG_USAGE,
      loaded.diagnostics.map(one => one.message),
    )
  const asked = makeRequest(words, loaded.config)
  if ('problem' in asked) return fail(WRONG_USAGE, [asked.problem, 'try jumak explain --help'])
  const { request, local, listeners } = asked
  const explained = await explainRequest(loaded.config, { request, local, listeners, address: words.from })
  const { outcome } = explained
  const addresses = outcome.kind === 'upstream' ? await addressesOf(outcome.group.servers) : undefined
  const report = reportOf(explained, asked, loaded, addresses)
  const text = words.isJson ? `${plainJson(JSON.stringify(report))}\n` : renderReport(report, terminal)
  writeTo(process.stdout, text)
  return DONE
}

const WHAT =
  'Says what would become of a request: which listener, site and location get it and why, what else was tried, each rewrite, which files are there, what answers, and which settings act, with their places. From the files alone: nothing needs to run. The code that serves decides.'

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['jumak explain http://shop.example.kr/cart', 'a request of a browser'],
  ['jumak explain /static/app.css', 'a path, on the first address of bind'],
  ["jumak explain -X POST -H 'Accept: text/html' /cart", 'another method, a header'],
  ['jumak explain --from 10.0.0.9 https://shop.example.kr/', 'from a client or a proxy'],
  ['jumak explain -c shop.toml --json /cart | jq .answer', 'for programs'],
]

const FLAGS: readonly (readonly [string, string])[] = [
  ["-H, --header 'NAME: VALUE'", 'a header of the request; as often as needed'],
  ['-X, --method METHOD', 'its method [GET]'],
  ['    --from ADDRESS', 'who connects [127.0.0.1]'],
  ['    --json', 'print it as one line of JSON'],
  ['-c, --config FILE', 'the configuration that is meant'],
  ['    --chdir DIR', 'or its directory'],
  ['-b, --bind ADDRESS', 'as for a start'],
  ['-h, --help', 'show this'],
]

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'explained, whatever the status would be'],
  ['2', 'the URL, the words or the settings are wrong'],
]

function explainHelp({ width, title, flag }: Terminal): string {
  const table = (rows: readonly (readonly [string, string])[], column: number) =>
    rows.flatMap(([left, right]) => twoColumns(`  ${left}`, right, { width, column, style: flag }))
  const lines = [
    ...wrap(WHAT, width),
    '',
    `${title('Usage:')} jumak explain [FLAG ...] URL [APP]`,
    '',
    title('Examples'),
    ...table(EXAMPLES, 58),
    '',
    title('Flags'),
    ...table(FLAGS, 32),
    '',
    title('Exit codes'),
    ...table(EXIT_CODES, 32),
  ]
  return `${lines.join('\n')}\n`
}

function fail(code: number, messages: readonly string[]): number {
  writeTo(process.stderr, messages.map(message => `jumak: ${plain(message)}\n`).join(''))
  return code
}
