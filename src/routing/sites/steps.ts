/**
 * `rewrite`, `return`, `set`, `if` and `break`: the steps of a site or a location, compiled to one function. Runs in the gateway for each
 * request that comes to a place with steps. Pure, but for the request's own values, and for `-f` and its like, which ask the disk.
 *
 * As in nginx: a step sees what the steps before it have changed; a rewrite without flag goes on with the next step, and at the end a
 * location is chosen for the new path; `break` ends the steps and stays.
 * Not here: what becomes of the outcome (`phases.ts`).
 */
import type { Condition, PatternText, Place, RewriteStep } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import { LEADS_AWAY } from './file-names.ts'
import type { LookAt, OnDisk, RunSteps, SiteRequest, StepsOutcome } from './site-request.ts'
import { indexInText } from './template.ts'

/**
 * Characters of what a step makes: sixteen times what a head has by default. A step may double what it finds (`/$1$1`), and there may be many,
 * so a client's few bytes would become gigabytes.
 */
const MAX_VALUE = 1024 * 1024

const FAILED = { status: 500, text: null, isRedirect: false } as const

interface Progress {
  isChanged: boolean
  readonly look: LookAt
}

/** `next`: go on with the next step. `end`: no more steps. */
type Outcome = StepsOutcome | 'end'
type Step = (request: SiteRequest, progress: Progress) => Outcome | Promise<Outcome>

/** `compiler` has the problems, if there are any. */
export function compileSteps(steps: readonly RewriteStep[], compiler: SiteCompiler): RunSteps {
  if (steps.length === 0) return null
  const run = sequence(steps, compiler)
  return (request, look) => {
    const progress = { isChanged: false, look }
    const outcome = run(request, progress)
    if (outcome === 'next' || outcome === 'end') return progress.isChanged ? 'again' : 'next'
    return outcome instanceof Promise ? outcome.then(one => settled(one, progress)) : outcome
  }
}

function settled(outcome: Outcome, { isChanged }: Progress): StepsOutcome {
  if (outcome !== 'next' && outcome !== 'end') return outcome
  return isChanged ? 'again' : 'next'
}

function sequence(steps: readonly RewriteStep[], compiler: SiteCompiler): Step {
  const compiled = steps.map(step => compileStep(step, compiler))
  if (steps.some(asksDisk)) return waitingSequence(compiled)
  return (request, progress) => {
    for (const step of compiled) {
      const outcome = step(request, progress)
      if (outcome !== 'next') return outcome
    }
    return 'next'
  }
}

function asksDisk(step: RewriteStep): boolean {
  return step.kind === 'if' && (step.condition.kind === 'file' || step.steps.some(asksDisk))
}

/** Waits only for a step that does: what was looked at lately is known within the call. */
function waitingSequence(steps: readonly Step[]): Step {
  const runFrom = (first: number, request: SiteRequest, progress: Progress): Outcome | Promise<Outcome> => {
    for (let i = first; i < steps.length; i++) {
      const outcome = steps[i]!(request, progress)
      if (outcome instanceof Promise)
        return outcome.then(one => (one === 'next' ? runFrom(i + 1, request, progress) : one))
      if (outcome !== 'next') return outcome
    }
    return 'next'
  }
  return (request, progress) => runFrom(0, request, progress)
}

function compileStep(step: RewriteStep, compiler: SiteCompiler): Step {
  switch (step.kind) {
    case 'break':
      return (request, progress) => {
        request.trace?.({ kind: 'break', place: step.place })
        return stay(request, progress)
      }
    case 'return': {
      const text = step.text === null ? null : compiler.template(step.text)
      const isRedirect = REDIRECTS.has(step.status)
      return request => {
        const { trace } = request
        const value = text === null ? null : text(request)
        if (trace !== null) trace({ kind: 'return', status: step.status, text: value, place: step.place })
        return { status: step.status, text: value, isRedirect }
      }
    }
    case 'set':
      return compileSet(step, compiler)
    case 'if':
      return compileIf(step, compiler)
    case 'rewrite':
      return compileRewrite(step, compiler)
  }
}

function compileIf(
  { condition, steps, place }: Extract<RewriteStep, { readonly kind: 'if' }>,
  compiler: SiteCompiler,
): Step {
  const inner = sequence(steps, compiler)
  const goOn = (request: SiteRequest, progress: Progress, holds: boolean, file: string | null) => {
    request.trace?.({ kind: 'if', condition: describeCondition(condition), holds, file, place })
    return holds ? inner(request, progress) : 'next'
  }
  if (condition.kind !== 'file') {
    const holds = compileCondition(condition, compiler)
    return (request, progress) => goOn(request, progress, holds(request), null)
  }
  const { constant, evaluate } = compiler.compiledTemplate(condition.path)
  return (request, progress) => {
    const name = evaluate(request)
    // Else a client could ask for any name of the machine.
    const found = constant === null && LEADS_AWAY.test(name) ? null : progress.look(name)
    if (!(found instanceof Promise)) return goOn(request, progress, isAs(condition, found), name)
    return found.then(one => goOn(request, progress, isAs(condition, one), name))
  }
}

function isAs({ test, not }: Extract<Condition, { readonly kind: 'file' }>, found: OnDisk | null): boolean {
  if (found === null) return not
  switch (test) {
    case 'file':
      return found.isFile !== not
    case 'directory':
      return found.isDirectory !== not
    case 'exists':
      return (found.isFile || found.isDirectory) !== not
    case 'executable':
      return found.isExecutable !== not
  }
}

export const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

function compileSet(
  { name, value, place }: Extract<RewriteStep, { readonly kind: 'set' }>,
  compiler: SiteCompiler,
): Step {
  const evaluate = compiler.template(value)
  const index = name === 'args' ? null : compiler.define(name)
  return request => {
    const text = evaluate(request)
    if (text.length > MAX_VALUE) return FAILED
    if (index === null) {
      request.args = text
      request.isRewritten = true
    } else request.values[index] = text
    request.trace?.({ kind: 'set', name, value: text, place })
    return 'next'
  }
}

function compileRewrite(
  { pattern, to, flag, place }: Extract<RewriteStep, { readonly kind: 'rewrite' }>,
  compiler: SiteCompiler,
): Step {
  const matches = compiler.pattern(pattern)
  const keepsArgs = !to.endsWith('?')
  const target = keepsArgs ? to : to.slice(0, -1)
  const isUrl = /^(?:https?:\/\/|\$scheme)/.test(target)
  if (isUrl || flag === 'redirect' || flag === 'permanent') {
    const location = compiler.template(target, { escapesGroups: true })
    const joint = indexInText(target, '?') < 0 ? '?' : '&'
    const status = flag === 'permanent' ? 301 : 302
    return request => {
      if (!matches(request, request.uri)) return withoutMatch(request, pattern, place)
      const url = withoutNeedlessEscapes(location(request))
      const { args, trace } = request
      const text = keepsArgs && args !== '' ? `${url}${joint}${args}` : url
      if (trace !== null) {
        tellRewrite(request, pattern, true, place)
        trace({ kind: 'return', status, text, place })
      }
      return { status, text, isRedirect: true }
    }
  }
  const question = indexInText(target, '?')
  const path = compiler.template(question < 0 ? target : target.slice(0, question))
  const query = question < 0 ? null : compiler.template(target.slice(question + 1), { escapesGroups: true })
  return (request, progress) => {
    if (!matches(request, request.uri)) return withoutMatch(request, pattern, place)
    const before = request.args
    const args = query === null ? '' : query(request)
    request.uri = path(request)
    if (query !== null) request.args = keepsArgs && before !== '' ? `${args}&${before}` : args
    else if (!keepsArgs) request.args = ''
    request.isRewritten = true
    request.isInternal = true
    if (request.trace !== null) tellRewrite(request, pattern, true, place)
    if (request.args.length > MAX_VALUE || request.uri.length > MAX_VALUE) return FAILED
    // As nginx says: the rewritten URI has a zero length.
    if (request.uri === '') return FAILED
    progress.isChanged = true
    if (flag === 'next') return 'next'
    if (flag === 'last') return 'end'
    return stay(request, progress)
  }
}

/** No more steps, and no new search: the request stays in its location, whatever its path is now. */
function stay(request: SiteRequest, progress: Progress): 'break' {
  if (progress.isChanged) request.isMoved = true
  progress.isChanged = false
  return 'break'
}

function withoutMatch(request: SiteRequest, pattern: PatternText, place: Place): 'next' {
  if (request.trace !== null) tellRewrite(request, pattern, false, place)
  return withoutCaptures(request)
}

function tellRewrite({ trace, uri, args }: SiteRequest, pattern: PatternText, matches: boolean, place: Place): void {
  trace?.({ kind: 'rewrite', pattern: pattern.source, matches, uri, args, place })
}

/** As nginx does for a step whose regular expression does not match. */
function withoutCaptures(request: SiteRequest): 'next' {
  request.captures = null
  return 'next'
}

/** Escapes of characters that a URL may have as they are, up to its query. */
function withoutNeedlessEscapes(url: string): string {
  const question = url.indexOf('?')
  const path = question < 0 ? url : url.slice(0, question)
  const plain = path.replace(/%([2-7][0-9A-Fa-f])/g, (sequence, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return character > '%' && character < '\x7f' && character !== '?' ? character : sequence
  })
  return plain + url.slice(path.length)
}

/** As it is written. */
function describeCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'true':
      return condition.value
    case 'equal':
      return `${condition.value} ${condition.not ? '!=' : '='} ${condition.to}`
    case 'matches':
      return `${condition.value} ${condition.not ? '!' : ''}~${condition.pattern.ignoresCase ? '*' : ''} ${condition.pattern.source}`
    case 'file':
      return `${condition.not ? '!' : ''}-${condition.test === 'executable' ? 'x' : condition.test[0]} ${condition.path}`
  }
}

function compileCondition(
  condition: Exclude<Condition, { readonly kind: 'file' }>,
  compiler: SiteCompiler,
): (request: SiteRequest) => boolean {
  switch (condition.kind) {
    case 'true': {
      const value = compiler.template(condition.value)
      return request => {
        const text = value(request)
        return text !== '' && text !== '0'
      }
    }
    case 'equal': {
      const value = compiler.template(condition.value)
      const to = compiler.template(condition.to)
      return request => (value(request) === to(request)) !== condition.not
    }
    case 'matches': {
      const value = compiler.template(condition.value)
      const matches = compiler.pattern(condition.pattern)
      return request => {
        const isMatch = matches(request, value(request))
        if (!isMatch) withoutCaptures(request)
        return isMatch !== condition.not
      }
    }
  }
}
