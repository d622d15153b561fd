/**
 * `--reload` in the master: from a change of the code to the generation that has it, and what the gateway is told meanwhile.
 *
 *     change ──▶ hold ──▶ new generation ──▶ sources   it loads: requests go to it, and to none before it
 *                                       └──▶ broken    it does not: requests are answered with the error, until a change
 *
 * Invariants: the gateway serves only what was read from files as they are; when they changed again while a generation was
 * loading, it goes on holding, and that generation gives way to the next. A file is judged by how it is now against how
 * the newest generation found it, never by an event: a save leads to one reload, whoever notices first.
 * Not here: watching (`watch.ts`), what a generation was made from (`source-snapshot.ts`), starting generations (`generations.ts`).
 */
import type { Config } from '../../config/types.ts'
import type { ErrorReport, MasterToGateway, SourceFile } from '../../control/messages.ts'
import { isDifferent, look } from '../../control/source-file.ts'
import type { Narrator } from '../output/narrator.ts'
import { Reading, touchedAt } from './source-snapshot.ts'
import { CodeWatcher, matters } from './watch.ts'

/** One save of an editor, a formatter, a checkout: all of it is one change. */
const BURST_MS = 50
/** Whatever writes without end is not waited for. */
const LONGEST_BURST_MS = 500
/** An application that writes its own templates while it is imported would be loaded for ever: so often it is believed. */
const MAX_RESTARTS = 3
/** A person who mends an import that hangs is slower than that. */
const RESTART_MS = 5000

export interface DevelopmentOptions {
  readonly config: Config
  readonly narrator: Narrator
  readonly sendToGateway: (message: MasterToGateway) => void
  /** Starts a generation now, in place of one that is coming up. */
  readonly reload: () => void
}

export class Development {
  readonly #options: DevelopmentOptions
  readonly #watcher: CodeWatcher
  #newest = new Reading(0)
  /** The one before, which may serve. */
  #previous = new Reading(0)
  #burst: NodeJS.Timeout | undefined
  #burstSince = 0
  /** In a row, because of changes while a generation was loading. */
  #restarts = 0
  #isClosed = false
  /** What the gateway was told last, for the next gateway. */
  #last: MasterToGateway | null = null

  constructor(options: DevelopmentOptions) {
    this.#options = options
    const { config, narrator } = options
    this.#watcher = new CodeWatcher(config.watch, config.envFiles, {
      found: path => this.#found(path),
      touched: path => this.#look(path),
      ready: () => this.#onReady(),
      failed: error => narrator.warn(`watching for changes: ${error.message}; requests notice them all the same`),
    })
  }

  // ---- generations ----

  began(generation: number): void {
    if (this.#newest.isSettled) this.#previous = this.#newest
    this.#newest = new Reading(generation)
    // It reads what is there now.
    this.#endBurst()
    this.#remember()
  }

  imported(generation: number, files: readonly SourceFile[]): void {
    const reading = this.#find(generation)
    if (reading === null) return
    const before = reading.imported.size
    reading.add(files)
    this.#watcher.add(files.map(file => file.path))
    if (reading.imported.size > before && this.#last?.type === 'sources' && this.#last.generation === generation)
      this.#tell({ ...this.#last, files: reading.files() })
    if (reading !== this.#newest) return
    const change = reading.findChange()
    if (change !== null) this.#changed(change)
  }

  reported(generation: number, report: ErrorReport): void {
    const reading = this.#find(generation)
    if (reading !== null) reading.report = report
  }

  /** All its workers serve. */
  serves(generation: number): void {
    if (!this.#settle(generation)) return
    const reading = this.#newest
    reading.isAnswering = true
    this.#tell({ type: 'sources', generation, files: reading.files() })
    if (generation > 1) this.#options.narrator.reloaded(generation, performance.now() - reading.since)
  }

  failed(generation: number, message: string): void {
    if (this.#newest.number === generation) this.#newest.isBroken = true
    if (!this.#settle(generation)) return
    const { report } = this.#newest
    this.#newest.isAnswering = true
    this.#tell({ type: 'broken', message, report, files: this.#newest.files() })
  }

  /** A new gateway knows nothing. */
  gatewayStarted(): void {
    if (this.#last !== null) this.#options.sendToGateway(this.#last)
  }

  close(): void {
    this.#isClosed = true
    this.#endBurst()
    this.#watcher.close()
  }

  /** The watcher has seen everything: perhaps after the first generation, which then answers already. */
  #onReady(): void {
    if (!this.#newest.isAnswering || this.#last === null || this.#last.type === 'hold') return
    if ('files' in this.#last) this.#tell({ ...this.#last, files: this.#newest.files() })
  }

  #find(generation: number): Reading | null {
    return [this.#newest, this.#previous].find(reading => reading.number === generation) ?? null
  }

  /** As everything is when a generation begins, as far as the watcher has found it. */
  #remember(): void {
    const { before } = this.#newest
    for (const path of this.#watcher.files) {
      const file = look(path)
      if (file !== null) before.set(path, file)
    }
  }

  /** False when it is not to answer, because of a change that it has not read. */
  #settle(generation: number): boolean {
    const reading = this.#newest
    if (reading.number !== generation) return false
    reading.isSettled = true
    const change = reading.findChange() ?? this.#findResourceChange(reading)
    if (change !== null) this.#changed(change)
    return this.#burst === undefined
  }

  /** Written while it was loading: by the user, or by what was loaded. */
  #findResourceChange(reading: Reading): string | null {
    for (const [path, file] of reading.before) {
      const now = reading.imported.has(path) ? file : look(path)
      if (now === null || !isDifferent(file, now) || !matters(path, false, this.#known(reading))) continue
      if (!this.#isBelieved()) return path
      reading.before.set(path, now)
    }
    return null
  }

  // ---- changes ----

  /** The gateway found a file that is not as it was read. */
  foundStale(path: string): void {
    // Of the generation before, or mended meanwhile: the gateway looks again.
    if (!this.#look(path) && this.#burst === undefined && this.#newest.isSettled) this.gatewayStarted()
  }

  /**
   * The watcher may come to a file after the first generation has read it, and after it was saved. Nobody knows how it was, but
   * when it was touched last: not by its own time, which a rename or a checkout may bring along.
   */
  #found(path: string): void {
    const reading = this.#newest
    const file = look(path)
    if (file === null) return
    if (reading.state(path) !== null) this.#look(path)
    else if (touchedAt(path) > reading.date && !this.#isBelieved()) this.#changed(path)
    else reading.before.set(path, file)
  }

  #look(path: string): boolean {
    const reading = this.#newest
    const then = reading.state(path)
    const isChange = isDifferent(then, look(path)) && matters(path, then === null, this.#known(reading))
    if (isChange && !this.#isBelieved()) this.#changed(path)
    return isChange
  }

  /** While a generation loads, what the one before it imported is the best guess. */
  #known(reading: Reading): Parameters<typeof matters>[2] {
    const { envFiles } = this.#options.config
    const guess = reading.isSettled ? reading : this.#previous
    const isImported = (path: string) => reading.imported.has(path) || guess.imported.has(path)
    // Before the first has loaded, nothing is known, and any module may be what keeps it.
    const isBroken = guess.isBroken || (guess.number === 0 && !reading.isSettled)
    return { envFiles, isImported, isBroken }
  }

  #changed(path: string): void {
    if (this.#isClosed) return
    const now = performance.now()
    if (this.#burst === undefined) {
      this.#burstSince = now
      this.#options.narrator.codeChanged(path)
      this.#tell({ type: 'hold' })
    } else if (now - this.#burstSince > LONGEST_BURST_MS) {
      return
    }
    clearTimeout(this.#burst)
    this.#burst = setTimeout(() => this.#reload(), BURST_MS)
  }

  #reload(): void {
    this.#endBurst()
    this.#restarts = this.#isEarly() ? this.#restarts + 1 : 0
    this.#options.reload()
  }

  /** The change may be of the application's own making. */
  #isEarly(): boolean {
    return !this.#newest.isAnswering && performance.now() - this.#newest.since < RESTART_MS
  }

  #isBelieved(): boolean {
    return this.#isEarly() && this.#restarts >= MAX_RESTARTS
  }

  #endBurst(): void {
    clearTimeout(this.#burst)
    this.#burst = undefined
  }

  #tell(message: MasterToGateway): void {
    this.#last = message
    this.#options.sendToGateway(message)
  }
}
