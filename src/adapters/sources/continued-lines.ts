/** Lines of a file, where a backslash at the end of one goes on in the next. Pure. */

export interface JoinedLine {
  readonly text: string
  /** The first of them, from 1. */
  readonly line: number
}

/** `comment`: lines that do not count, even between two that belong together; neither do empty ones. `between`: stands for the backslash. */
export function joinedLines(text: string, comment: RegExp, between: string): JoinedLine[] {
  const joined: JoinedLine[] = []
  let parts: string[] = []
  let line = 0
  for (const [i, written] of text.split(/\r?\n/).entries()) {
    if (comment.test(written) || written.trim() === '') continue
    if (parts.length === 0) line = i + 1
    const trimmed = written.trimEnd()
    const isContinued = trimmed.endsWith('\\')
    parts.push(isContinued ? trimmed.slice(0, -1) : written)
    if (isContinued) continue
    joined.push({ text: parts.join(between), line })
    parts = []
  }
  if (parts.length > 0) joined.push({ text: parts.join(between), line })
  return joined
}
