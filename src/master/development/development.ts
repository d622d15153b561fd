/**
 * `--reload` in the master: from a change of the code to the generation that has it, and the messages to the gateway meanwhile.
 *
 *     change ──▶ hold ──▶ new generation ──▶ sources   it loads: requests go to this generation only
 *                                       └──▶ broken    it does not load: the error answers requests, until the next change
 *
 * Invariants: the gateway serves only what Python read from files that are still the same. When they change while a generation loads, the
 * gateway goes on holding requests, and the next generation replaces that one. A file is compared with the state in which the newest generation read it;
 * an event is only a reason to compare. So one save is one reload, whoever notices it first.
 * Not here: watching (`watch.ts`), the files of a generation (`source-snapshot.ts`), starting generations (`fleet/generations.ts`).
 */
import type { AppConfig } from '../../config/types.ts'
import type { ErrorReport, MasterToGateway, SourceFile } from '../../control/messages.ts'
import { isDifferent, look } from '../../control/source-file.ts'
import type { AppNarrator } from '../output/app-narrator.ts'
import { SourceSnapshot, touchedAt } from './source-snapshot.ts'
import { CodeWatcher, matters } from './watch.ts'

/** The writes of one save, of a formatter or of a checkout are one change. */
const BURST_MS = 50
/** The reload comes after this time even when something writes without end. */
const LONGEST_BURST_MS = 500
/** An application that writes its own templates during its import would reload for ever: after this many reloads changes are ignored. */
const MAX_RESTARTS = 3
/** A change after this time is a person's, for example of one who mends an import that hangs. */
const RESTART_MS = 5000

export interface DevelopmentOptions {
  readonly app: AppConfig
  readonly narrator: AppNarrator
  readonly sendToGateway: (message: MasterToGateway) => void
  /** Starts a generation now. It replaces one that is coming up. */
  readonly reload: () => void
}

export class Development {
  readonly #options: DevelopmentOptions
  readonly #watcher: CodeWatcher
  #newest = new SourceSnapshot(0)
  /** The generation before it, which may serve. */
  #previous = new SourceSnapshot(0)
  #burst: NodeJS.Timeout | undefined
  #burstSince = 0
  /** Reloads in a row because of changes while a generation was loading. */
  #restarts = 0
  #isClosed = false
  /** The last message to the gateway: the next gateway gets it too. */
  #last: MasterToGateway | null = null

  constructor(options: DevelopmentOptions) {
    this.#options = options
    const { app, narrator } = options
    this.#watcher = new CodeWatcher(app.watch, app.envFiles, {
      found: path => this.#found(path),
      touched: path => this.#compare(path),
      ready: () => this.#onReady(),
      failed: error => narrator.warn(`watching for changes: ${error.message}; the next request notices a change`),
    })
  }

  // ---- generations ----

  began(generation: number): void {
    if (this.#newest.isSettled) this.#previous = this.#newest
    this.#newest = new SourceSnapshot(generation)
    // The new generation reads the files as they are now.
    this.#endBurst()
    this.#remember()
  }

  imported(generation: number, files: readonly SourceFile[]): void {
    const snapshot = this.#find(generation)
    if (snapshot === null) return
    const before = snapshot.imported.size
    snapshot.add(files)
    this.#watcher.add(files.map(file => file.path))
    if (snapshot.imported.size > before && this.#last?.type === 'sources' && this.#last.generation === generation)
      this.#tell({ ...this.#last, files: snapshot.files() })
    if (snapshot !== this.#newest) return
    const change = snapshot.findChange()
    if (change !== null) this.#changed(change)
  }

  reported(generation: number, report: ErrorReport): void {
    const snapshot = this.#find(generation)
    if (snapshot !== null) snapshot.report = report
  }

  /** All workers of the generation serve. */
  serves(generation: number): void {
    if (!this.#settle(generation)) return
    const snapshot = this.#newest
    snapshot.isAnswering = true
    this.#tell({ type: 'sources', app: this.#name, generation, files: snapshot.files() })
    if (generation > 1) this.#options.narrator.reloaded(generation, performance.now() - snapshot.since)
  }

  failed(generation: number, message: string): void {
    if (this.#newest.number === generation) this.#newest.isBroken = true
    if (!this.#settle(generation)) return
    const { report } = this.#newest
    this.#newest.isAnswering = true
    this.#tell({ type: 'broken', app: this.#name, message, report, files: this.#newest.files() })
  }

  /** A new gateway needs the last message. */
  gatewayStarted(): void {
    if (this.#last !== null) this.#options.sendToGateway(this.#last)
  }

  close(): void {
    this.#isClosed = true
    this.#endBurst()
    this.#watcher.close()
  }

  /** The watcher knows all files now. The first generation may answer already; then the gateway needs the new list. */
  #onReady(): void {
    if (!this.#newest.isAnswering || this.#last === null || this.#last.type === 'hold') return
    if ('files' in this.#last) this.#tell({ ...this.#last, files: this.#newest.files() })
  }

  #find(generation: number): SourceSnapshot | null {
    return [this.#newest, this.#previous].find(snapshot => snapshot.number === generation) ?? null
  }

  /** Remembers the state of all files that the watcher knows when a generation begins. */
  #remember(): void {
    const { before } = this.#newest
    for (const path of this.#watcher.files) {
      const file = look(path)
      if (file !== null) before.set(path, file)
    }
  }

  /** False: it must not answer, because it has not read the last change. */
  #settle(generation: number): boolean {
    const snapshot = this.#newest
    if (snapshot.number !== generation) return false
    snapshot.isSettled = true
    const change = snapshot.findChange() ?? this.#findResourceChange(snapshot)
    if (change !== null) this.#changed(change)
    return this.#burst === undefined
  }

  /** A file that was written during the import, by the developer or by the application. */
  #findResourceChange(snapshot: SourceSnapshot): string | null {
    for (const [path, file] of snapshot.before) {
      const now = snapshot.imported.has(path) ? file : look(path)
      if (now === null || !isDifferent(file, now) || !matters(path, false, this.#known(snapshot))) continue
      if (!this.#ignoresChanges()) return path
      snapshot.before.set(path, now)
    }
    return null
  }

  // ---- changes ----

  /** The gateway found a file that differs from what Python read. */
  foundStale(path: string): void {
    // The file is of the generation before, or the same again: the gateway compares anew.
    if (!this.#compare(path) && this.#burst === undefined && this.#newest.isSettled) this.gatewayStarted()
  }

  /**
   * The watcher may find a file only after the first generation has read it, and after a save. Its earlier state is unknown, but the time
   * of the last change is known. It is the inode's time, because a rename or a checkout may keep an old modification time.
   */
  #found(path: string): void {
    const snapshot = this.#newest
    const file = look(path)
    if (file === null) return
    if (snapshot.state(path) !== null) this.#compare(path)
    else if (touchedAt(path) > snapshot.date && !this.#ignoresChanges()) this.#changed(path)
    else snapshot.before.set(path, file)
  }

  #compare(path: string): boolean {
    const snapshot = this.#newest
    const then = snapshot.state(path)
    const isChange = isDifferent(then, look(path)) && matters(path, then === null, this.#known(snapshot))
    if (isChange && !this.#ignoresChanges()) this.#changed(path)
    return isChange
  }

  /** While a generation loads, the imports of the one before it are the best guess. */
  #known(snapshot: SourceSnapshot): Parameters<typeof matters>[2] {
    const { envFiles } = this.#options.app
    const guess = snapshot.isSettled ? snapshot : this.#previous
    const isImported = (path: string) => snapshot.imported.has(path) || guess.imported.has(path)
    // Before the first generation has loaded nothing is known, and any module may be the reason why it does not load.
    const isBroken = guess.isBroken || (guess.number === 0 && !snapshot.isSettled)
    return { envFiles, isImported, isBroken }
  }

  #changed(path: string): void {
    if (this.#isClosed) return
    const now = performance.now()
    if (this.#burst === undefined) {
      this.#burstSince = now
      this.#options.narrator.codeChanged(path)
      this.#tell({ type: 'hold', app: this.#name })
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

  /** A change this early may be the application's own. */
  #isEarly(): boolean {
    return !this.#newest.isAnswering && performance.now() - this.#newest.since < RESTART_MS
  }

  /** Several reloads in a row were too early: the application itself writes its files. */
  #ignoresChanges(): boolean {
    return this.#isEarly() && this.#restarts >= MAX_RESTARTS
  }

  #endBurst(): void {
    clearTimeout(this.#burst)
    this.#burst = undefined
  }

  get #name(): string {
    return this.#options.app.name
  }

  #tell(message: MasterToGateway): void {
    this.#last = message
    this.#options.sendToGateway(message)
  }
}
