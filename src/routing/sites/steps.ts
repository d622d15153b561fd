/**
 * `rewrite`, `return`, `set`, `if` and `break`: the steps of a site or a location, compiled to one function. Runs in the gateway for each
 * request that comes to a place with steps. Pure, but for the request's own values.
 *
 * As in nginx: a step sees what the steps before it have changed; a rewrite without flag goes on with the next step, and at the end a
 * location is chosen for the new path; `break` ends the steps and stays.
 * Not here: what becomes of the outcome (`phases.ts`).
 */
import type { Condition, PatternText, RewriteStep } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import type { RunSteps, SiteRequest, StepsOutcome } from './site-request.ts'
import { indexInText } from './template.ts'

/**
 * Characters of what a step makes: sixteen times what a head has by default. A step may double what it finds (`/$1$1`), and there may be many,
 * so a client's few bytes would become gigabytes.
 */
const MAX_VALUE = 1024 * 1024

const FAILED = { status: 500, text: null, isRedirect: false } as const

interface Progress {
  isChanged: boolean
}

/** `next`: go on with the next step. `end`: no more steps. */
type Step = (request: SiteRequest, progress: Progress) => StepsOutcome | 'end'

/** `compiler` has the problems, if there are any. */
export function compileSteps(steps: readonly RewriteStep[], compiler: SiteCompiler): RunSteps {
  if (steps.length === 0) return null
  const run = sequence(steps.map(step => compileStep(step, compiler)))
  return request => {
    const progress = { isChanged: false }
    const outcome = run(request, progress)
    if (outcome !== 'next' && outcome !== 'end') return outcome
    return progress.isChanged ? 'again' : 'next'
  }
}

function sequence(steps: readonly Step[]): Step {
  return (request, progress) => {
    for (const step of steps) {
      const outcome = step(request, progress)
      if (outcome !== 'next') return outcome
    }
    return 'next'
  }
}

function compileStep(step: RewriteStep, compiler: SiteCompiler): Step {
  switch (step.kind) {
    case 'break':
      return (request, progress) => {
        request.trace?.({ kind: 'break' })
        return stay(request, progress)
      }
    case 'return': {
      const text = step.text === null ? null : compiler.template(step.text)
      const isRedirect = REDIRECTS.has(step.status)
      return request => {
        const { trace } = request
        const value = text === null ? null : text(request)
        if (trace !== null) trace({ kind: 'return', status: step.status, text: value })
        return { status: step.status, text: value, isRedirect }
      }
    }
    case 'set':
      return compileSet(step, compiler)
    case 'if': {
      const holds = compileCondition(step.condition, compiler)
      const inner = sequence(step.steps.map(one => compileStep(one, compiler)))
      const { condition } = step
      return (request, progress) => {
        const isTrue = holds(request)
        request.trace?.({ kind: 'if', condition: describeCondition(condition), holds: isTrue })
        return isTrue ? inner(request, progress) : 'next'
      }
    }
    case 'rewrite':
      return compileRewrite(step, compiler)
  }
}

export const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

function compileSet({ name, value }: Extract<RewriteStep, { readonly kind: 'set' }>, compiler: SiteCompiler): Step {
  const evaluate = compiler.template(value)
  const index = name === 'args' ? null : compiler.define(name)
  return request => {
    const text = evaluate(request)
    if (text.length > MAX_VALUE) return FAILED
    if (index === null) {
      request.args = text
      request.isRewritten = true
    } else request.values[index] = text
    request.trace?.({ kind: 'set', name, value: text })
    return 'next'
  }
}

function compileRewrite(
  { pattern, to, flag }: Extract<RewriteStep, { readonly kind: 'rewrite' }>,
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
      if (!matches(request, request.uri)) return withoutMatch(request, pattern)
      const url = withoutNeedlessEscapes(location(request))
      const { args, trace } = request
      const text = keepsArgs && args !== '' ? `${url}${joint}${args}` : url
      if (trace !== null) {
        tellRewrite(request, pattern, true)
        trace({ kind: 'return', status, text })
      }
      return { status, text, isRedirect: true }
    }
  }
  const question = indexInText(target, '?')
  const path = compiler.template(question < 0 ? target : target.slice(0, question))
  const query = question < 0 ? null : compiler.template(target.slice(question + 1), { escapesGroups: true })
  return (request, progress) => {
    if (!matches(request, request.uri)) return withoutMatch(request, pattern)
    const before = request.args
    const args = query === null ? '' : query(request)
    request.uri = path(request)
    if (query !== null) request.args = keepsArgs && before !== '' ? `${args}&${before}` : args
    else if (!keepsArgs) request.args = ''
    request.isRewritten = true
    request.isInternal = true
    if (request.trace !== null) tellRewrite(request, pattern, true)
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

function withoutMatch(request: SiteRequest, pattern: PatternText): 'next' {
  if (request.trace !== null) tellRewrite(request, pattern, false)
  return withoutCaptures(request)
}

function tellRewrite({ trace, uri, args }: SiteRequest, pattern: PatternText, matches: boolean): void {
  trace?.({ kind: 'rewrite', pattern: pattern.source, matches, uri, args })
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
  }
}

function compileCondition(condition: Condition, compiler: SiteCompiler): (request: SiteRequest) => boolean {
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
