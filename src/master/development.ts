/**
 * `--reload` in the master: from a change of the code to the generation that has it, and what the gateway is told meanwhile.
 *
 *     change ──▶ hold ──▶ new generation ──▶ sources   it loads: requests go to it, and to none before it
 *                                       └──▶ broken    it does not: requests are answered with the error, until a change
 *
 * Invariant: the gateway serves only what was read from files as they are; when they changed again while a generation was
 * loading, it goes on holding. Not here: watching (`watch.ts`), starting generations (`fleet.ts`).
 */
import type { Config } from '../config/types.ts'
import type { ErrorReport, MasterToGateway, SourceFile } from '../control/messages.ts'
import type { Narrator } from './narrator.ts'
import { CodeWatcher } from './watch.ts'

/** As many as Python reports (`sources.py`). */
const MAX_FILES = 5000

interface Read {
  readonly files: Map<string, SourceFile>
  report: ErrorReport | null
  readonly since: number
}

export interface DevelopmentOptions {
  readonly config: Config
  readonly narrator: Narrator
  readonly sendToGateway: (message: MasterToGateway) => void
  /** Starts a generation; now, or after the one that is coming up. */
  readonly reload: () => void
}

export class Development {
  readonly #options: DevelopmentOptions
  readonly #watcher: CodeWatcher
  readonly #read = new Map<number, Read>()
  #newest = 0
  #isBroken = false
  #isChanging = false
  /** What the gateway was told last, for the next gateway. */
  #last: MasterToGateway | null = null

  constructor(options: DevelopmentOptions) {
    this.#options = options
    const self = this
    const known = {
      envFiles: options.config.envFiles,
      isImported: (path: string) => self.#read.get(self.#newest)?.files.has(path) ?? false,
      get isBroken() {
        return self.#isBroken
      },
    }
    this.#watcher = new CodeWatcher(
      options.config.watch,
      known,
      path => this.#changed(path),
      () => this.#settled(),
    )
  }

  /** The gateway found a file that is not as it was read. */
  foundStale(path: string): void {
    this.#watcher.changed(path)
  }

  began(generation: number): void {
    this.#newest = generation
    this.#isChanging = false
    this.#read.set(generation, { files: new Map(), report: null, since: performance.now() })
    for (const older of this.#read.keys()) if (older < generation - 1) this.#read.delete(older)
  }

  imported(generation: number, files: readonly SourceFile[]): void {
    const read = this.#read.get(generation)
    if (read === undefined) return
    const before = read.files.size
    // The first is how it was when it was read; workers that import by themselves may read it later.
    for (const file of files)
      if (!read.files.has(file.path) && read.files.size < MAX_FILES) read.files.set(file.path, file)
    if (read.files.size > before && this.#last?.type === 'sources' && this.#last.generation === generation)
      this.#tell({ ...this.#last, files: [...read.files.values()] })
  }

  reported(generation: number, report: ErrorReport): void {
    const read = this.#read.get(generation)
    if (read !== undefined) read.report = report
  }

  /** All its workers serve. */
  serves(generation: number): void {
    this.#isBroken = false
    const read = this.#read.get(generation)
    if (this.#isChanging || read === undefined) return
    this.#tell({ type: 'sources', generation, files: [...read.files.values()] })
    if (generation > 1) this.#options.narrator.reloaded(generation, performance.now() - read.since)
  }

  failed(generation: number, message: string): void {
    this.#isBroken = true
    const read = this.#read.get(generation)
    if (this.#isChanging) return
    this.#tell({ type: 'broken', message, report: read?.report ?? null, files: [...(read?.files.values() ?? [])] })
  }

  /** A new gateway knows nothing. */
  gatewayStarted(): void {
    if (this.#last !== null) this.#options.sendToGateway(this.#last)
  }

  close(): void {
    this.#watcher.close()
  }

  #changed(path: string): void {
    this.#isChanging = true
    this.#options.narrator.codeChanged(path)
    this.#tell({ type: 'hold' })
  }

  #settled(): void {
    this.#options.reload()
  }

  #tell(message: MasterToGateway): void {
    this.#last = message
    this.#options.sendToGateway(message)
  }
}
