/**
 * What a test may not do, as far as a line of it shows: wait for time, listen on a fixed port, assert how long something took, take any
 * status for the right one. `scripts/check-tests.ts` runs it on the tree.
 *
 * Where time is the very thing under test, as with a slow client, the line or the one before says why: `// wait: a client that …`.
 *
 * Not here: what needs more than a line, such as a log line that any pattern announces (`expectLog` of `test/support/server.ts` refuses it).
 */

export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** In comments of both languages; the reason is for the reader. */
const REASON = /(?:\/\/|#) wait: \S+ \S+/
const COMMENT = /^\s*(?:\/\/|\/?\*|#)/
const CALL = /(?<!def )(?<!\w)(?:sleep|delay|setTimeout)\(/
/** Zero lets others run. A minute and more, in Python's seconds, is something that hangs: no test waits for its end. */
const NO_WAIT = /sleep\(0\)|(?:time|asyncio)\.sleep\((?:[6-9]\d|\d{3,})\)/
/** Begins some lines before the pause between two looks at a condition. */
const POLL = /\bwhile (?!True|\(true\))/
/** Compared with anything but the deadline of a wait, it is a measurement. */
const CLOCK = /(?:performance|Date)\.now\(\)|hrtime|time\.(?:time|monotonic|perf_counter)\(\)/
/** Not what is made with a time: `new Call(performance.now())`. */
const KEPT_CLOCK =
  /^\s*(?:const |let )?(\w+) = (?!new ).*(?:(?:performance|Date)\.now\(\)|time\.(?:time|monotonic|perf_counter)\(\))/
/** A word in a text is no variable. */
const STRING = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g
const ASSERTION = /\bassert\b|self\.assert/
/** Of what listens. In unit tests of addresses it is only a text. */
const FIXED_PORT = /(?:\blisten\(|\bbind\(|(?:-b|--bind)(?:['"], *['"]|=)(?:[\w.]*:)?|\bport: )(?!0\b)\d{2,5}(?![\w.:])/
/** Nobody could run such a test and those that need root in one run. */
const NOT_AS_ROOT = /\bskip: (?:isRoot|process\.gete?uid\?\.\(\) === 0) &&/
const RANGE_OF_STATUSES = /\bstatus\w*\)* *[<>]=? *\d/

/** A sentence for each line that breaks a rule. */
export function problemsOf({ path, text }: SourceFile): string[] {
  const lines = text.split('\n')
  const clocks = lines.flatMap(line => KEPT_CLOCK.exec(line)?.[1] ?? [])
  const readsClock = (line: string) => {
    const code = line.replace(STRING, "''")
    return CLOCK.test(code) || clocks.some(name => new RegExp(`\\b${name}\\b`).test(code))
  }
  return lines.flatMap((line, at): string[] => {
    if (COMMENT.test(line) || REASON.test(line) || REASON.test(lines[at - 1] ?? '')) return []
    const found: string[] = []
    const isPoll = lines.slice(Math.max(0, at - 3), at + 1).some(one => POLL.test(one))
    if (CALL.test(line) && !NO_WAIT.test(line) && !isPoll)
      found.push('waits for time: await an event or a condition, or say why before it: `wait: …`')
    if (!path.startsWith('src/') && FIXED_PORT.test(line)) found.push('has a fixed port: 0 is one that is free')
    if (NOT_AS_ROOT.test(line)) found.push('is skipped as root, as which CI runs: become another user in the test')
    if (ASSERTION.test(line)) {
      if (readsClock(line) && !line.includes('deadline'))
        found.push('asserts how long something took, which a busy machine decides: count, or look at an order')
      if (RANGE_OF_STATUSES.test(line)) found.push('takes any status of a range: name the one that is right')
    }
    return found.map(problem => `${path}:${at + 1}: ${problem}`)
  })
}
