/**
 * The words of a command: what is asked, and of which program. `jumak workers shop 6 -c shop.toml --json`. Checks no more than the form:
 * the program that answers knows its applications. Pure.
 */
import { parseServer } from '../../config/kinds/upstream-words.ts'
import { MAX_WORKERS } from '../../config/settings/workers.ts'
import type { AdminQuestion } from '../../control/admin-messages.ts'
import type { Command } from '../commands.ts'

export interface Words {
  readonly question: AdminQuestion
  /** The answer is printed as it came. */
  readonly isJson: boolean
  /** Of `status`: one line, and the exit code says whether the program is ready. */
  readonly isProbe: boolean
  /** Flags of the program itself that say which program is meant. */
  readonly where: readonly string[]
}

export type ReadWords = Words | { readonly problem: string } | { readonly isHelp: true }

/** The flags with a value that a command takes: they are those of the program. */
const WHERE: Readonly<Record<string, string>> = {
  '-c': '--config',
  '--config': '--config',
  '--chdir': '--chdir',
  '--admin-socket': '--admin-socket',
}

export function readWords(command: Command, rest: readonly string[]): ReadWords {
  const operands: string[] = []
  const where: string[] = []
  let isJson = false
  let isProbe = false
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!
    if (word === '--help' || word === '-h') return { isHelp: true }
    if (word === '--json') isJson = true
    else if (word === '--ready' && command === 'status') isProbe = true
    else if (!word.startsWith('-')) operands.push(word)
    else {
      const equals = word.indexOf('=')
      const name = equals < 0 ? word : word.slice(0, equals)
      const flag = Object.hasOwn(WHERE, name) ? WHERE[name] : undefined
      if (flag === undefined)
        return {
          problem: `jumak ${command} has no flag ${name}; it has --config FILE (-c), --chdir DIR, --admin-socket PATH${command === 'status' ? ', --ready' : ''} and --json`,
        }
      const value = equals < 0 ? rest[++i] : word.slice(equals + 1)
      if (value === undefined) return { problem: `${name} needs a value` }
      where.push(`${flag}=${value}`)
    }
  }
  const question = QUESTIONS[command](operands)
  return typeof question === 'string' ? { problem: question } : { question, isJson, isProbe, where }
}

/** A question, or what is wrong. */
const QUESTIONS: Readonly<Record<Command, (operands: readonly string[]) => AdminQuestion | string>> = {
  status: operands => onlyWord('status', operands) ?? { command: 'status' },
  upgrade: operands => onlyWord('upgrade', operands) ?? { command: 'upgrade' },
  stop: operands => onlyWord('stop', operands) ?? { command: 'stop' },
  reload: operands => {
    const [app, ...more] = operands
    if (more.length > 0) return `jumak reload takes one application at most, and there are '${operands.join("', '")}'`
    return app === undefined ? { command: 'reload' } : { command: 'reload', app }
  },
  workers: operands => {
    const usage = 'as in: jumak workers 6, jumak workers shop 6, jumak workers shop/export 2'
    const number = operands.at(-1)
    if (number === undefined) return `jumak workers needs a number, ${usage}`
    if (operands.length > 2) return `jumak workers takes an application and a number, ${usage}`
    const workers = /^\d{1,9}$/.test(number) ? Number(number) : 0
    if (workers < 1 || workers > MAX_WORKERS)
      return `the number of workers must be from 1 to ${MAX_WORKERS}, not '${number}', ${usage}`
    if (operands.length === 1) return { command: 'workers', workers }
    const [app, pool] = cut(operands[0]!)
    return pool === null ? { command: 'workers', app, workers } : { command: 'workers', app, pool, workers }
  },
  upstream: upstreamQuestion,
  'log-level': operands => {
    const levels = ['debug', 'info', 'warn', 'error'] as const
    const level = levels.find(one => one === operands[0])
    if (level !== undefined && operands.length === 1) return { command: 'log-level', level }
    return `jumak log-level needs one of ${levels.join(', ')}${operands.length > 0 ? `, not '${operands.join(' ')}'` : ''}`
  },
}

const UPSTREAM_USAGE = 'as in: jumak upstream, jumak upstream back, jumak upstream back drain 10.0.0.1:8000'

function upstreamQuestion([upstream, action = 'list', ...words]: readonly string[]): AdminQuestion | string {
  if (upstream === undefined) return { command: 'upstream', action: 'list' }
  if (action !== 'list' && action !== 'add' && action !== 'drain' && action !== 'remove')
    return `jumak upstream has the actions list, add, drain and remove, not '${action}', ${UPSTREAM_USAGE}`
  const text = words.join(' ')
  if (action === 'list')
    return text === '' ? { command: 'upstream', action, upstream } : `list takes no '${text}', ${UPSTREAM_USAGE}`
  if (text === '') return `jumak upstream ${upstream} ${action} needs a server, ${UPSTREAM_USAGE}`
  const parsed = parseServer(text)
  if ('problem' in parsed) return `the server ${parsed.problem}, not '${text}'`
  const { label } = parsed.value
  if (action === 'add') return { command: 'upstream', action, upstream, label, server: parsed.value }
  if (words.length > 1) return `jumak upstream ${upstream} ${action} takes the address alone, not '${text}'`
  return { command: 'upstream', action, upstream, label }
}

/** `shop/export`: an application and a pool of it. */
function cut(name: string): [app: string, pool: string | null] {
  const slash = name.indexOf('/')
  return slash < 0 ? [name, null] : [name.slice(0, slash), name.slice(slash + 1)]
}

/** Null: there is nothing after the command. */
function onlyWord(command: Command, operands: readonly string[]): string | null {
  if (operands.length === 0) return null
  return `jumak ${command} takes no '${operands[0]}'${isFile(operands[0]!) ? `: for an application of the name ${command} write ./${command}.py or ${command}:app` : ''}`
}

function isFile(word: string): boolean {
  return word.includes(':') || word.endsWith('.py')
}
