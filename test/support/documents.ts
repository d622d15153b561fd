/**
 * The code blocks of a document. The words behind the language of a fence say what to do with the block; a reader of the page does
 * not see them:
 *
 *     ```sh                          run; must end with 0
 *     ```sh expect="text"            … and print it
 *     ```sh serve                    one command that starts the program; its predecessor is stopped
 *     ```sh wait="text"              … and the program's log must say it afterwards
 *     ```sh needs=nginx              only where the command is installed; what it leaves running it names in a `….pid`
 *     ```sh never="reason"           not run
 *     ```python file=app.py          written (append=… adds to it)
 *
 * Other blocks are only read.
 */
export interface Block {
  readonly language: string
  readonly attributes: ReadonlyMap<string, string>
  readonly text: string
  /** Where its fence is. */
  readonly line: number
}

export function codeBlocks(document: string): Block[] {
  const blocks: Block[] = []
  const lines = document.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```(\w+)(.*)$/.exec(lines[i]!)
    if (fence === null) continue
    const end = lines.indexOf('```', i)
    if (end < 0) throw new Error(`line ${i + 1}: a code block without an end`)
    const text = `${lines.slice(i + 1, end).join('\n')}\n`
    blocks.push({ language: fence[1]!, attributes: readAttributes(fence[2]!), text, line: i + 1 })
    i = end
  }
  return blocks
}

function readAttributes(text: string): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name, quoted, bare] of text.matchAll(/([a-z]+)(?:=(?:"([^"]*)"|(\S+)))?/g))
    attributes.set(name!, quoted ?? bare ?? '')
  return attributes
}

/** The words of one command. Single quotes keep words together. */
export function shellWords(command: string): string[] {
  return (command.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map(word => word.replaceAll("'", ''))
}

export interface TableRow {
  readonly columns: readonly string[]
  readonly line: number
}

/** The rows of all tables whose last column has this heading. */
export function tableRows(document: string, lastHead: string): TableRow[] {
  const rows: TableRow[] = []
  let isWanted = false
  document.split('\n').forEach((text, index) => {
    const columns = text.startsWith('| ') ? text.slice(1, text.lastIndexOf('|')).split('|') : null
    if (columns === null) isWanted = false
    else if (isWanted) rows.push({ columns, line: index + 1 })
    else isWanted = columns.at(-1)!.trim() === lastHead
  })
  return rows
}
