/**
 * A command line of another server, rewritten for this one while it is read. Each foreign flag gets an answer. If each has words to
 * write, the whole line is given. Runs in the command line. Pure.
 */
import type { Diagnostic } from '../diagnostics.ts'
import { type Advice, type Foreign, foreignFlag } from './other-servers.ts'

/** uvicorn, Granian and others have two flags for an address. */
interface Address {
  host?: string
  port?: string
}

/** Flags that make one thing together. */
const PARTS: Readonly<Record<string, 'host' | 'port' | 'module' | 'callable' | 'factory'>> = {
  '--host': 'host',
  '--port': 'port',
  '--module': 'module',
  '--wsgi': 'module',
  '--wsgi-file': 'module',
  '--app': 'module',
  '--callable': 'callable',
  '--factory': 'factory',
}

export class Rewrite {
  /** Null: there is no whole line. */
  #words: string[] | null = []
  readonly #address: Address = {}
  #place = ''
  #callable = ''
  #isFactory = false
  /** Foreign words, with the message about each, which is made when all words have been read. */
  readonly #foreign: { readonly subject: string; readonly describe: () => string }[] = []

  /** There are words of another server: it may name the application in its own way. */
  get hasForeign(): boolean {
    return this.#foreign.length > 0
  }

  /** Words that are right here. */
  keep(words: readonly string[]): void {
    this.#words?.push(...words)
  }

  /** A flag of ours without its value. Elsewhere it means `value`. */
  lacksValue(flag: string, value: string): void {
    this.#foreign.push({ subject: flag, describe: () => `${flag} needs a value: write ${flag} ${quote(value)}` })
  }

  /** There is a mistake that no other server explains. */
  spoil(): void {
    this.#words = null
  }

  app(word: string): void {
    this.#place = word
  }

  /** Whether there is such a flag, and it takes a value. */
  find(flag: string): Pick<Foreign, 'takesValue'> | null {
    const part = PARTS[flag]
    return part === undefined ? foreignFlag(flag) : { takesValue: part !== 'factory' }
  }

  /** `find` knows this flag. */
  add(flag: string, value: string): void {
    const part = PARTS[flag]
    if (part === undefined) {
      const advice = foreignFlag(flag)!.advise(value)
      this.#answer(`flag ${flag}`, flag, () => advice)
      if (advice.words === null) this.spoil()
      else this.#words?.push(...advice.words)
      return
    }
    if (part === 'factory') this.#isFactory = true
    else if (part === 'module') this.#place = value
    else if (part === 'callable') this.#callable = value
    else this.#address[part] = value
    const isAddress = part === 'host' || part === 'port'
    this.#answer(`flag ${flag}`, flag, () => ({ words: isAddress ? ['-b', this.#bind()] : [this.#app()], note: '' }))
  }

  /** `manage.py runserver`, `flask run`, `fastapi dev`: a command, and after runserver an address. Returns the words after it. */
  command(words: readonly string[]): readonly string[] {
    const start = words[0] === 'manage.py' && words.length > 1 ? 1 : 0
    const command = words[start]
    if (command === undefined) return words
    const isOurs = words.length - start < 2 || !['run', 'dev'].includes(command)
    if (command !== 'runserver' && isOurs) return words
    const flags = command === 'run' ? [] : ['--reload']
    const address = command === 'runserver' ? words[start + 1] : undefined
    if (address !== undefined) flags.push('-b', /^\d+$/.test(address) ? address : address.replace(/^0:/, ':'))
    this.#words?.push(...flags)
    const what = `command ${command}`
    this.#answer(what, what, () => ({ words: ['jumak', ...flags], note: '' }))
    return words.slice(start + (address === undefined ? 1 : 2))
  }

  finish(): Diagnostic[] {
    const said = this.#foreign.map(({ subject, describe }): Diagnostic => ({ subject, message: describe() }))
    if (said.length === 0 || this.#words === null) return said
    const address = Object.keys(this.#address).length > 0 ? ['-b', this.#bind()] : []
    const app = this.#place === '' ? [] : [this.#app()]
    const line = ['jumak', ...this.#words, ...address, ...app].map(quote).join(' ')
    return [...said, { subject: '', message: `so all of it is: ${line}` }]
  }

  #answer(what: string, subject: string, advise: () => Advice): void {
    this.#foreign.push({ subject, describe: () => `there is no ${what}: ${describe(advise())}` })
  }

  #bind(): string {
    const { host, port = '8000' } = this.#address
    if (host === undefined || host === '') return port
    return `${host.includes(':') ? `[${host}]` : host}:${port}`
  }

  #app(): string {
    const named = this.#callable === '' ? this.#place : `${this.#place}:${this.#callable}`
    const whole = named === '' ? 'shop:create_app' : named
    return this.#isFactory && !whole.endsWith('()') ? `${whole}()` : whole
  }
}

/** As a shell reads it back. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** A phrase: `write -b 80`, `leave it out, it is always so`. */
export function describe({ words, note }: Advice): string {
  if (words === null) return note
  if (words.length === 0) return `leave it out, ${note}`
  return `write ${words.map(quote).join(' ')}${note === '' ? '' : ` (${note})`}`
}
