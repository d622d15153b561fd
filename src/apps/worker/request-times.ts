/**
 * How long a worker may be silent while it runs a request: `--timeout`, or what `--timeout-for` says for the path; what a location of a site
 * says wins over both. Runs in the gateway. Where no path has a time of its own, no path is looked at.
 */
import { DeadlineList } from '../../base/deadlines.ts'
import type { AppTimeouts, PathTimeout } from '../../config/types.ts'
import { requestForms } from '../../http/application-root.ts'

export class RequestTimes {
  /** Milliseconds; 0: none. */
  readonly standard: number
  /** The shortest time that any request may have; Infinity: none has one. */
  readonly shortest: number
  /** The longest prefix first. */
  readonly #paths: readonly PathTimeout[]

  /** `rootPath`: a proxy in front may have stripped it or not: a prefix matches in both cases. `appPath` always stands in front of a prefix. */
  constructor({ request, requestFor }: Pick<AppTimeouts, 'request' | 'requestFor'>, rootPath: string, appPath = '') {
    this.standard = request
    this.#paths = asRequested(requestFor, rootPath, appPath).sort((a, b) => b.prefix.length - a.prefix.length)
    const times = [request, ...requestFor.map(({ timeout }) => timeout)]
    this.shortest = Math.min(...times.map(time => (time === 0 ? Number.POSITIVE_INFINITY : time)))
  }

  /** 0: a request may have no limit. */
  get longest(): number {
    return this.all.has(0) ? 0 : Math.max(...this.all)
  }

  get all(): ReadonlySet<number> {
    return new Set([this.standard, ...this.#paths.map(({ timeout }) => timeout)])
  }

  /** `path`: as it was sent, without the query. */
  of(path: string): number {
    if (this.#paths.length === 0) return this.standard
    const segments = `${decodeAscii(path)}/`
    return this.#paths.find(({ prefix }) => segments.startsWith(prefix))?.timeout ?? this.standard
  }
}

/** A list of deadlines for each of the times. Those of locations are made when they are first needed: there are as many as the file names. */
export class RequestDeadlines {
  /** For a request that is not known. */
  readonly longest: DeadlineList
  readonly #times: RequestTimes
  readonly #lists: Map<number, DeadlineList>
  readonly #standard: DeadlineList

  constructor(times: RequestTimes) {
    this.#times = times
    this.#lists = new Map([...times.all].map(time => [time, new DeadlineList(time)]))
    this.#standard = this.#lists.get(times.standard)!
    this.longest = this.#lists.get(times.longest)!
  }

  /** `own`: what the location says; null: nothing. */
  of(path: string, own: number | null = null): DeadlineList {
    const time = own ?? this.#times.of(path)
    if (time === this.#times.standard) return this.#standard
    const known = this.#lists.get(time)
    if (known !== undefined) return known
    const made = new DeadlineList(time)
    this.#lists.set(time, made)
    return made
  }
}

/** A prefix that was given counts before one that is only another form of it. */
function asRequested(paths: readonly PathTimeout[], rootPath: string, appPath: string): PathTimeout[] {
  const forms = paths.flatMap(({ prefix, timeout }) =>
    requestForms(prefix, rootPath, appPath).map(form => ({ prefix: form, timeout, isGiven: form === prefix })),
  )
  const given = new Set(forms.filter(({ isGiven }) => isGiven).map(({ prefix }) => prefix))
  return forms.filter(({ prefix, isGiven }) => isGiven || !given.has(prefix))
}

/** Prefixes are ASCII, so only ASCII is decoded. */
function decodeAscii(path: string): string {
  if (!path.includes('%')) return path
  return path.replace(/%([0-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
