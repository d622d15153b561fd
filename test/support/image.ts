/**
 * Follows a Dockerfile without a container engine. A directory stands for the file system of each image, and the paths of instructions lie
 * below it. Packages of the distribution are noted, not installed, and owners of files are those of the test.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export class Image {
  root = ''
  directory = ''
  /** What the container runs: the words of CMD behind those of ENTRYPOINT. */
  command: readonly string[] = []
  entrypoint: readonly string[] = []
  /** The command of HEALTHCHECK. */
  healthCheck: readonly string[] = []
  user = 'root'
  readonly packages: string[] = []
  readonly environment: Record<string, string> = {}
  readonly #home: string
  readonly #context: string
  readonly #pythonPath: string
  readonly #stages = new Map<string, string>()

  constructor(home: string, context: string, pythonPath: string) {
    this.#home = home
    this.#context = context
    this.#pythonPath = pythonPath
  }

  /** A stage that the test has made itself, in this directory. */
  have(stage: string, root: string): void {
    this.#stages.set(stage, root)
  }

  async follow(line: string): Promise<void> {
    const [instruction, ...words] = line.split(' ')
    switch (instruction) {
      case 'FROM': {
        assert.match(words[0]!, /^(?:node|python):[\d.]+-slim$/)
        this.root = join(this.#home, `image-${this.#stages.size}`)
        this.directory = this.root
        this.#stages.set(words[1] === 'AS' ? words[2]! : 'last', this.root)
        for (const name of ['tmp', 'opt']) mkdirSync(join(this.root, name), { recursive: true })
        this.environment['PATH'] = `${this.#pythonPath}${delimiter}${process.env['PATH']}`
        return
      }
      case 'COPY': {
        const stage = /^--from=(.+)$/.exec(words[0]!)?.[1]
        const [from, to] = stage === undefined ? words : words.slice(1)
        const source = stage === undefined ? join(this.#context, from!) : join(this.#stages.get(stage)!, from!)
        const target = to!.startsWith('/') ? join(this.root, to!) : join(this.directory, to!)
        const isInto = to!.endsWith('/') || (to === '.' && from !== '.')
        cpSync(source, isInto ? join(target, basename(from!)) : target, { recursive: true, verbatimSymlinks: true })
        return
      }
      case 'ENV':
        for (const word of words) {
          const [name, value] = word.split('=') as [string, string]
          this.environment[name] = this.#below(
            value.replaceAll(/\$(\w+)/g, (_, used: string) => this.environment[used] ?? ''),
          )
        }
        return
      case 'WORKDIR':
        this.directory = join(this.root, words[0]!)
        mkdirSync(this.directory)
        return
      case 'RUN':
        if (words[0] === 'apt-get') {
          assert.match(
            line,
            /^RUN apt-get update && apt-get install --yes --no-install-recommends [a-z\d. +-]+ && rm -rf \/var\/lib\/apt\/lists\/\*$/,
          )
          this.packages.push(...line.split('--no-install-recommends ')[1]!.split(' && ')[0]!.split(' '))
          return
        }
        await run('sh', ['-c', this.#below(words.join(' ').replace(/ && chown [a-z -]+$/, ''))], {
          cwd: this.directory,
          env: { ...process.env, ...this.environment },
        })
        return
      case 'CMD':
        this.command = [...this.entrypoint, ...JSON.parse(words.join(' '))]
        return
      case 'ENTRYPOINT':
        this.entrypoint = JSON.parse(words.join(' '))
        return
      case 'HEALTHCHECK':
        this.healthCheck = JSON.parse(line.split(' CMD ')[1]!)
        return
      case 'USER':
        this.user = words[0]!
        return
      case 'EXPOSE':
        return
    }
    assert.fail(`an instruction that this test does not know: ${line}`)
  }

  #below(text: string): string {
    return text.replaceAll(/(?<=^|[ :=])\/(opt|tmp)\//g, (_, name: string) => `${this.root}/${name}/`)
  }
}
