/** What is wrong with files of TLS, as lines for people. Runs in the master and in the command line (`--check`). */

export interface Findings {
  /** Nothing can be served with these files. */
  readonly problems: string[]
  readonly warnings: string[]
  /** Right for some, and wrong for others. */
  readonly remarks: string[]
}

export function noFindings(): Findings {
  return { problems: [], warnings: [], remarks: [] }
}

/** Names the setting and the file in front of each line: `tls-cert /etc/jumak/site.pem: it has expired`. */
export class FileFindings {
  readonly #findings: Findings
  readonly #place: string

  constructor(findings: Findings, place: string) {
    this.#findings = findings
    this.#place = place
  }

  /** Returns null, so that a reader can return it. */
  problem(text: string): null {
    this.#findings.problems.push(this.say(text))
    return null
  }

  warn(text: string): void {
    this.#findings.warnings.push(this.say(text))
  }

  remark(text: string): void {
    this.#findings.remarks.push(this.say(text))
  }

  say(text: string): string {
    return `${this.#place}: ${text}`
  }
}

/** Names in one line of the log. */
const MAX_LISTED = 5

/** `a.example, b.example`; of many the first ones. */
export function listed(names: readonly string[]): string {
  const more = names.length - MAX_LISTED
  return names.slice(0, MAX_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
