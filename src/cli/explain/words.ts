/** The words of `jumak explain`: the request, and which configuration is meant. Checks no more than the form. Pure. */
import { TOKEN } from '../../base/token.ts'
import { isIPv4, isPlainIPv6 } from '../../config/kinds/ip.ts'

export interface ExplainWords {
  /** A URL, or a path for the first address of `bind`. */
  readonly url: string
  readonly method: string
  /** `[name, value, …]`, as they were given. */
  readonly headers: readonly string[]
  /** Address of the client. */
  readonly from: string
  readonly isJson: boolean
  /** Words of the program itself: its file, its directory, its addresses, its application. */
  readonly where: readonly string[]
}

export type ReadExplainWords = ExplainWords | { readonly problem: string } | { readonly isHelp: true }

/** The flags of the program that count here. */
const WHERE: Readonly<Record<string, string>> = {
  '-c': '--config',
  '--config': '--config',
  '--chdir': '--chdir',
  '-b': '--bind',
  '--bind': '--bind',
}
const OWN: Readonly<Record<string, 'header' | 'method' | 'from'>> = {
  '-H': 'header',
  '--header': 'header',
  '-X': 'method',
  '--method': 'method',
  '--from': 'from',
}
/** Characters. A gateway takes no longer request line by default; what is longer is a file that was given by mistake. */
const MAX_URL = 8192

export function readExplainWords(words: readonly string[]): ReadExplainWords {
  const operands: string[] = []
  const where: string[] = []
  const headers: string[] = []
  let [method, from, isJson] = ['GET', '127.0.0.1', false]
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--help' || word === '-h') return { isHelp: true }
    if (word === '--json') isJson = true
    else if (!word.startsWith('-')) operands.push(word)
    else {
      const { name, attached } = cutFlag(word)
      const own = Object.hasOwn(OWN, name) ? OWN[name] : undefined
      const flag = Object.hasOwn(WHERE, name) ? WHERE[name] : undefined
      if (own === undefined && flag === undefined)
        return {
          problem: `jumak explain has no flag ${name}; it has --header (-H), --method (-X), --from, --json, --config (-c), --chdir and --bind (-b)`,
        }
      const value = attached ?? words[++i]
      if (value === undefined) return { problem: `${name} needs a value` }
      if (flag !== undefined) where.push(`${flag}=${value}`)
      else if (own === 'header') {
        const header = readHeader(value)
        if (header === null)
          return { problem: `${name} needs a name and a value, as in -H 'Accept: text/html', not '${value}'` }
        headers.push(...header)
      } else if (own === 'method') {
        if (!TOKEN.test(value)) return { problem: `${name} needs a method, as in POST, not '${value}'` }
        method = value
      } else {
        if (!isIPv4(value) && !isPlainIPv6(value)) return { problem: `${name} needs an IP address, not '${value}'` }
        from = value
      }
    }
  }
  const [url, app, ...more] = operands
  if (url === undefined)
    return { problem: 'jumak explain needs a URL, as in: jumak explain http://shop.example.kr/cart' }
  if (more.length > 0)
    return { problem: `jumak explain takes one URL and one application, and there is also '${more[0]}'` }
  if (url.length > MAX_URL) return { problem: `the URL is longer than ${MAX_URL} characters` }
  return { url, method, headers, from, isJson, where: app === undefined ? where : [...where, app] }
}

/** `--from=X`, `-HX`. */
function cutFlag(word: string): { readonly name: string; readonly attached: string | null } {
  if (!word.startsWith('--')) return { name: word.slice(0, 2), attached: word.length > 2 ? word.slice(2) : null }
  const equals = word.indexOf('=')
  return equals < 0 ? { name: word, attached: null } : { name: word.slice(0, equals), attached: word.slice(equals + 1) }
}

function readHeader(text: string): readonly [name: string, value: string] | null {
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(0, colon))
  const value = text.slice(colon + 1).trim()
  return TOKEN.test(name) && !/[\x00-\x08\x0a-\x1f\x7f]/.test(value) ? [name, value] : null
}
