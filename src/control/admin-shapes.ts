/**
 * The shape of each question and answer of the admin socket. The master checks questions, the client checks answers. A question that does
 * not fit is answered with what is wrong and what there is; it is never obeyed in part.
 *
 * Not here: whether an application of that name exists (`master/admin/commands.ts`).
 */
import {
  type Check,
  type Checks,
  flag,
  listOf,
  numberFrom,
  object,
  oneOf,
  optional,
  orNull,
  show,
  text,
  wholeNumber,
} from '../base/checks.ts'
import {
  ADMIN_VERSION,
  type AdminAnswer,
  type AdminCommand,
  type AdminQuestion,
  type AppStatus,
  type AppTraffic,
  type CertificateStatus,
  type GatewayStatus,
  type GatewayTraffic,
  type PoolStatus,
  type ProgramStatus,
  type RunningRequest,
  type ServerStatus,
  type ServerTraffic,
  type UpstreamStatus,
  type WorkerStatus,
  type WorkerTraffic,
} from './admin-messages.ts'
import { SERVER } from './sites-shape.ts'

/** Of a name of an application or a pool in a question. Which names there are is said by the answer. */
const name = text(64)
const level = oneOf(['debug', 'info', 'warn', 'error'])
/** The greatest `--workers`. */
const workers = wholeNumber(1, 1024)

type FieldsOf<Command extends AdminCommand> = Omit<Extract<AdminQuestion, { readonly command: Command }>, 'command'>
interface Question<Fields> {
  readonly checks: Checks<Fields>
  readonly optional: readonly (keyof Fields & string)[]
}

const QUESTIONS: { readonly [Command in AdminCommand]: Question<Required<FieldsOf<Command>>> } = {
  status: { checks: {}, optional: [] },
  reload: { checks: { app: name }, optional: ['app'] },
  upgrade: { checks: {}, optional: [] },
  stop: { checks: {}, optional: [] },
  workers: { checks: { app: name, pool: name, workers }, optional: ['app', 'pool'] },
  'log-level': { checks: { level }, optional: [] },
  upstream: {
    checks: { action: oneOf(['list', 'add', 'drain', 'remove']), upstream: name, label: text(300), server: SERVER },
    optional: ['upstream', 'label', 'server'],
  },
}

export const ADMIN_COMMANDS: readonly string[] = Object.keys(QUESTIONS)

/** A question, or one sentence that says why it is none. */
export function readQuestion(line: string): { readonly question: AdminQuestion } | { readonly problem: string } {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { problem: `a line must be one JSON object, as {"jumak":${ADMIN_VERSION},"command":"status"}` }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { problem: `a line must be one JSON object, not ${show(value)}` }
  const { jumak, command, ...fields } = value as Record<string, unknown>
  if (jumak !== ADMIN_VERSION)
    return { problem: `this program speaks version ${ADMIN_VERSION} (field "jumak"), not ${show(jumak)}` }
  if (typeof command !== 'string' || !Object.hasOwn(QUESTIONS, command))
    return { problem: `there is no command ${show(command)}; there are ${ADMIN_COMMANDS.join(', ')}` }
  const problem = wrongField(QUESTIONS[command as AdminCommand], command, fields)
  if (problem !== null) return { problem }
  const { action, upstream, label, server } = fields
  if (command === 'upstream' && action !== 'list' && (upstream === undefined || label === undefined))
    return { problem: `${action} of upstream needs the fields upstream and label` }
  if (action === 'add' && (server as { label?: string } | undefined)?.label !== label)
    return { problem: 'add of upstream needs the field server, with the same label' }
  return { question: { command, ...fields } as AdminQuestion }
}

function wrongField(
  question: { readonly checks: Readonly<Record<string, Check>>; readonly optional: readonly string[] },
  command: string,
  fields: Readonly<Record<string, unknown>>,
): string | null {
  const { checks, optional } = question
  const known = Object.keys(checks)
  const unknown = Object.keys(fields).find(field => !known.includes(field))
  if (unknown !== undefined)
    return `${command} has no field ${show(unknown)}${known.length > 0 ? `; it has ${known.join(', ')}` : ''}`
  for (const [field, check] of Object.entries(checks)) {
    const value = fields[field]
    if (value === undefined && optional.includes(field)) continue
    const problem = check(value)
    if (problem !== null) return `${field} of ${command} must be ${problem.expected}, not ${show(value)}`
  }
  return null
}

const count = wholeNumber(0, Number.MAX_SAFE_INTEGER)
const amount = numberFrom(0, Number.MAX_SAFE_INTEGER)
const pid = wholeNumber(1, 2 ** 31 - 1)
const words = text(4096)
const MAX_APPS = 1000
const MAX_UPSTREAMS = 10_000
const MAX_WORKERS = 100_000
/** Of ten thousand years, which some certificates last. */
const MAX_DAYS = 4_000_000
const usage = { memory: orNull(amount), cpu: orNull(amount) }

const request = object<RunningRequest>({
  id: words,
  method: words,
  path: words,
  state: oneOf(['running', 'streaming', 'websocket', 'waiting', 'abandoned']),
  milliseconds: count,
})
/** The gateway tells the master the same. */
export const WORKER_TRAFFIC: Checks<WorkerTraffic> = { answered: count, running: count, requests: listOf(request, 64) }
const worker = object<WorkerStatus>({
  ...usage,
  number: count,
  pid: orNull(pid),
  pool: words,
  generation: count,
  state: oneOf(['starting', 'warming', 'held', 'serving', 'draining', 'leaving']),
  age: amount,
  traffic: orNull(object<WorkerTraffic>(WORKER_TRAFFIC)),
})
const pool = object<PoolStatus>({
  name: words,
  paths: listOf(words, 1000),
  wanted: count,
  serving: count,
  waiting: orNull(count),
})
const appTraffic = object<AppTraffic>({ running: count, waiting: count, answered: count, perSecond: amount })
const app = object<AppStatus>({
  ...usage,
  name: words,
  path: words,
  hosts: listOf(words, 1000),
  target: words,
  state: oneOf(['starting', 'ready', 'reloading', 'failing', 'stopping']),
  problem: words,
  generation: orNull(count),
  nextGeneration: orNull(count),
  framework: words,
  python: words,
  interface: orNull(oneOf(['wsgi', 'asgi'])),
  traffic: orNull(appTraffic),
  pools: listOf(pool, 1000),
  workers: listOf(worker, MAX_WORKERS),
})
const gateway = object<GatewayStatus>({
  ...usage,
  pid,
  state: oneOf(['starting', 'listening']),
  age: amount,
  traffic: orNull(
    object<GatewayTraffic>({
      connections: count,
      http2Connections: optional(count),
      streams: optional(count),
      running: count,
      waiting: count,
    }),
  ),
})
const certificate = object<CertificateStatus>({
  names: listOf(words, 1000),
  validTo: words,
  daysLeft: wholeNumber(-MAX_DAYS, MAX_DAYS),
  problem: words,
})
const server = object<ServerStatus>({
  server: words,
  state: oneOf(['up', 'out', 'ejected', 'down', 'draining', 'removed']),
  isAdded: flag,
  weight: count,
  isBackup: flag,
  traffic: orNull(object<ServerTraffic>({ running: count, requests: count, failures: count })),
})
const upstream = object<UpstreamStatus>({
  name: words,
  balance: words,
  sticky: optional(orNull(words)),
  queue: optional(orNull(object<{ waiting: number; most: number }>({ waiting: count, most: count }))),
  servers: listOf(server, 1000),
})
const status = object<ProgramStatus>({
  ...usage,
  version: words,
  pid,
  state: oneOf(['starting', 'ready', 'failing', 'stopping']),
  age: amount,
  listeners: listOf(words, 4096),
  logLevel: level,
  certificates: optional(listOf(certificate, 1000)),
  gateway: orNull(gateway),
  apps: listOf(app, MAX_APPS),
  upstreams: optional(listOf(upstream, MAX_UPSTREAMS)),
})
const progress = object<{ progress: string }>({ progress: words })
const failure = object<{ error: string }>({ error: text(65_536) })
const success = object<{ ok: boolean; command: string; message: string }>({
  ok: flag,
  command: oneOf(ADMIN_COMMANDS.filter(command => command !== 'status')),
  message: text(1024 ** 2),
})

/** For the client: an answer, or what is wrong with the line. */
export function readAnswer(line: string): { readonly answer: AdminAnswer } | { readonly problem: string } {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { problem: 'a line that is not JSON' }
  }
  if (typeof value !== 'object' || value === null) return { problem: 'a line that is no object' }
  const { jumak, ok, command } = value as Record<string, unknown>
  if (jumak !== ADMIN_VERSION)
    return { problem: `version ${show(jumak)} of the answers; this client knows ${ADMIN_VERSION}` }
  const check = 'progress' in value ? progress : ok === false ? failure : command === 'status' ? status : success
  const problem = check(value)
  if (problem === null) return { answer: value as AdminAnswer }
  return { problem: `'${problem.path.slice(1)}', which is ${show(problem.value)} and should be ${problem.expected}` }
}
