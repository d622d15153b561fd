/**
 * `jumak adapt`: prints a `jumak.toml` for the command line of another program, or for the file in which it stands. What differs goes to standard
 * error. Runs in the command line.
 */
import { basename, resolve } from 'node:path'
import { readCompose } from '../adapters/sources/compose-file.ts'
import { readDockerfile } from '../adapters/sources/dockerfile.ts'
import { type Found, NOTHING_SAID } from '../adapters/sources/found.ts'
import { readProcfile } from '../adapters/sources/procfile.ts'
import { readUnit } from '../adapters/sources/systemd-unit.ts'
import type { Replacing } from '../adapters/sources/variables.ts'
import { parseEnvFile } from '../base/env-file.ts'
import { logicalWorkingDirectory } from '../config/machine/directory.ts'
import type { Environment } from '../config/machine/environment.ts'
import { readText } from '../config/machine/files.ts'
import { type Adaptation, adaptCommand, directoryOf } from './adaptation.ts'
import { PROGRAM_NAMES } from './programs.ts'
import { findEnvironment } from './run.ts'
import { writeTo } from './terminal.ts'

const USAGE = `Usage: jumak adapt COMMAND ...
       jumak adapt FILE [--service NAME] [APP]

Prints a jumak.toml for what you have, and says on standard error what differs.

  jumak adapt gunicorn -w 4 -b :8000 shop.wsgi     a command line of ${PROGRAM_NAMES.join(', ')}
  jumak adapt 'gunicorn -b :$PORT shop.wsgi'       the same with variables, which are replaced
  jumak adapt gunicorn.conf.py shop.wsgi           a configuration file of gunicorn, in Python
  jumak adapt Procfile                             its process web; another: --service NAME
  jumak adapt Dockerfile                           its last CMD and ENTRYPOINT
  jumak adapt docker-compose.yml --service web     the command of a service
  jumak adapt /etc/systemd/system/shop.service     ExecStart of a unit

Then: jumak adapt ... > jumak.toml && jumak --check
`
const UNDERSTOOD = `jumak adapt takes a command line of ${PROGRAM_NAMES.join(', ')}, a gunicorn.conf.py, a Procfile, a Dockerfile, a compose file (.yml, .yaml) or a unit of systemd (.service)`

const FAILED = 1
const WRONG_USAGE = 2

/** `words`: behind `adapt`. Resolves with the exit code: 0 printed, 2 the command is wrong or not understood. */
export async function runAdapt(words: readonly string[]): Promise<number> {
  const environment = findEnvironment()
  if (environment === null)
    return fail(FAILED, ['the working directory does not exist any more; change to one that does'])
  if (words.length === 0 || words[0] === '--help' || words[0] === '-h') {
    writeTo(process.stdout, USAGE)
    return 0
  }
  const adaptation = await adaptWords(words, environment)
  if ('problems' in adaptation) return fail(WRONG_USAGE, [...adaptation.problems, 'try jumak adapt --help'])
  writeTo(process.stdout, adaptation.text)
  writeTo(process.stderr, adaptation.notes.map(note => `jumak: ${note}\n`).join(''))
  return 0
}

export async function adaptWords(all: readonly string[], environment: Environment): Promise<Adaptation> {
  const before = takeService(all, true)
  const [first] = before.words
  if (first === undefined) return { problems: [UNDERSTOOD] }
  const kind = before.words.length > 1 || !/\s/.test(first) ? kindOf(first) : null
  if (kind === null) {
    const [only] = before.words.length === 1 && /\s/.test(first) ? before.words : []
    const command = only === undefined ? { words: before.words } : { text: only }
    const found = { ...NOTHING_SAID, command, place: '' }
    const base = logicalWorkingDirectory(environment)
    const adaptation = await adaptCommand({ found, replacing: null, base, mayLackApp: false }, environment)
    const isNoCommand = 'problems' in adaptation && adaptation.problems[0]!.startsWith('the command ')
    return isNoCommand ? { problems: [...adaptation.problems, UNDERSTOOD] } : adaptation
  }
  const { service, words } = takeService(before.words.slice(1), false)
  const [app, other] = words
  if (other !== undefined || (app !== undefined && kind !== 'gunicorn'))
    return { problems: [`the word '${other ?? app}' behind ${first} is not understood`] }
  return adaptFile({ file: first, kind, service: service ?? before.service, app: app ?? null }, environment)
}

type Kind = 'gunicorn' | 'procfile' | 'dockerfile' | 'compose' | 'unit'

function kindOf(file: string): Kind | null {
  const name = basename(file)
  if (/^procfile/i.test(name)) return 'procfile'
  if (/^(?:docker|container)file|\.dockerfile$/i.test(name)) return 'dockerfile'
  if (/\.ya?ml$/.test(name)) return 'compose'
  if (name.endsWith('.service')) return 'unit'
  return name.endsWith('.py') ? 'gunicorn' : null
}

interface Named {
  readonly file: string
  readonly kind: Kind
  readonly service: string | null
  readonly app: string | null
}

async function adaptFile({ file, kind, service, app }: Named, environment: Environment): Promise<Adaptation> {
  const { variables } = environment
  const path = resolve(logicalWorkingDirectory(environment), file)
  const text = readText(path)
  if (text === null)
    return { problems: [`${file} cannot be read: there is no such file, or this user may not read it`] }
  if (kind === 'gunicorn') {
    const words = ['gunicorn', '-c', file, ...(app === null ? [] : [app])]
    const found = { ...NOTHING_SAID, command: { words }, place: '' }
    const base = logicalWorkingDirectory(environment)
    return adaptCommand({ found, replacing: null, base, mayLackApp: true }, environment)
  }
  const name = basename(file)
  const base = directoryOf(file, environment)
  const found: Found & { readonly replacing?: Replacing } =
    kind === 'procfile'
      ? readProcfile(text, name, service)
      : kind === 'dockerfile'
        ? readDockerfile(text, name)
        : kind === 'compose'
          ? readCompose(text, name, service, PROGRAM_NAMES, { ...ofEnvFile(base), ...variables })
          : readUnit(text, name, variables)
  if ('problem' in found) return { problems: [found.problem] }
  return adaptCommand({ found, replacing: found.replacing ?? null, base, mayLackApp: false }, environment)
}

/** Compose reads `.env` beside its file. */
function ofEnvFile(directory: string): Readonly<Record<string, string>> {
  const parsed = parseEnvFile(readText(resolve(directory, '.env')) ?? '')
  return 'variables' in parsed ? parsed.variables : {}
}

/** `isBefore`: only in front of the command, whose words are not ours. */
function takeService(
  all: readonly string[],
  isBefore: boolean,
): { readonly service: string | null; readonly words: readonly string[] } {
  const at = isBefore
    ? /^--service(?:=|$)/.test(all[0] ?? '')
      ? 0
      : -1
    : all.findIndex(word => /^--service(?:=|$)/.test(word))
  if (at < 0) return { service: null, words: all }
  const word = all[at]!
  const isOne = word.includes('=')
  return {
    service: (isOne ? word.slice(word.indexOf('=') + 1) : all[at + 1]) ?? null,
    words: all.toSpliced(at, isOne ? 1 : 2),
  }
}

function fail(code: number, messages: readonly string[]): number {
  writeTo(process.stderr, messages.map(message => `jumak: ${message}\n`).join(''))
  return code
}
