/**
 * A command line of another server, written anew for this one while it is read: each flag of theirs gets an answer, and where
 * all of them have one the whole line is said. Pure.
 */
import type { Diagnostic } from '../diagnostics.ts'
import { type Advice, type ForeignFlag, foreignFlag, quote } from './foreign-flags.ts'

/** uvicorn, Granian and others part an address in two. */
interface Address {
  host?: string
  port?: string
}

/** Those of them that make one thing together. */
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
  /** Null: it cannot be said as a whole. */
  #words: string[] | null = []
  readonly #address: Address = {}
  #place = ''
  #callable = ''
  #isFactory = false
  /** Flags of theirs, with what is said of each when all have been read. */
  readonly #foreign: { readonly flag: string; readonly advise: () => Advice }[] = []

  /** Something of another server was read: the application may be named in its way. */
  get hasForeign(): boolean {
    return this.#foreign.length > 0
  }

  /** Ours, as it stands. */
  keep(words: readonly string[]): void {
    this.#words?.push(...words)
  }

  /** Something is wrong that is not theirs. */
  spoil(): void {
    this.#words = null
  }

  app(word: string): void {
    this.#place = word
  }

  /** Whether there is such a flag, and it takes a value. */
  find(flag: string): Pick<ForeignFlag, 'takesValue'> | null {
    const part = PARTS[flag]
    return part === undefined ? foreignFlag(flag) : { takesValue: part !== 'factory' }
  }

  /** `find` has found it. */
  add(flag: string, value: string): void {
    const part = PARTS[flag]
    if (part === undefined) {
      const advice = foreignFlag(flag)!.advise(value)
      this.#foreign.push({ flag, advise: () => advice })
      if (advice.words === null) this.spoil()
      else this.#words?.push(...advice.words)
      return
    }
    if (part === 'factory') this.#isFactory = true
    else if (part === 'module') this.#place = value
    else if (part === 'callable') this.#callable = value
    else this.#address[part] = value
    const isAddress = part === 'host' || part === 'port'
    const advise = () => ({ words: isAddress ? ['-b', this.#bind()] : [this.#app()], note: '' })
    this.#foreign.push({ flag, advise })
  }

  /** `manage.py runserver`, `flask run`, `fastapi dev`: a word, and after runserver an address. Leaves what is no part of it. */
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
    this.#foreign.push({ flag: `command ${command}`, advise: () => ({ words: ['jumak', ...flags], note: '' }) })
    return words.slice(start + (address === undefined ? 1 : 2))
  }

  finish(): Diagnostic[] {
    const said = this.#foreign.map(({ flag, advise }): Diagnostic => {
      const what = flag.startsWith('-') ? `flag ${flag}` : flag
      return { subject: flag, message: `there is no ${what}: ${describe(advise())}` }
    })
    if (said.length === 0 || this.#words === null) return said
    const address = Object.keys(this.#address).length > 0 ? ['-b', this.#bind()] : []
    const app = this.#place === '' ? [] : [this.#app()]
    const line = ['jumak', ...this.#words, ...address, ...app].map(quote).join(' ')
    return [...said, { subject: '', message: `so all of it is: ${line}` }]
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

function describe({ words, note }: Advice): string {
  if (words === null) return note
  if (words.length === 0) return `leave it out, ${note}`
  return `write ${words.map(quote).join(' ')}${note === '' ? '' : ` (${note})`}`
}
