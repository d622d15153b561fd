/**
 * Listening sockets that the running Jumak hands on to the new one that replaces it (an upgrade): what is told of each, and how the new
 * master takes them. Runs in both masters; the descriptors come through spawn's stdio.
 *
 * Invariants: an address that is the same has the same socket, so no client is refused; what the new configuration does not name any more
 * is closed here, and lives in the old process until that has drained. Nothing is read, written or shut down: others have the socket too.
 * Not here: how the descriptors get into the new process (`upgrade/`).
 */
import { closeSync, fstatSync, lstatSync, unlinkSync } from 'node:fs'
import type { Identity } from '../../config/types.ts'
import { OperatorError } from '../errors.ts'
import { type BareListener, displayOf, type Listener, type PlacedFile } from './listener.ts'

export type HandedOn = Omit<Listener, 'close' | 'leave' | 'scheme' | 'hasProxyHeader'>

export class HandedOnSockets {
  readonly #left: HandedOn[]
  readonly #taken: HandedOn[] = []
  #isOurs = false

  /** Throws an OperatorError when one of them is no socket. */
  constructor(sockets: readonly HandedOn[]) {
    for (const { fd, display } of sockets)
      if (!isSocket(fd)) throw new OperatorError(`descriptor ${fd}, which should be ${display}, is no socket`)
    this.#left = [...sockets]
  }

  /** Their places in the list that was given. */
  takenOf(sockets: readonly HandedOn[]): number[] {
    return sockets.flatMap((socket, index) => (this.#taken.includes(socket) ? [index] : []))
  }

  /** Null: the running program does not listen there, or its path names another file by now. */
  take(key: string, scheme: Listener['scheme']): BareListener | null {
    const index = this.#left.findIndex(
      ({ key: theirs, unixPath, placed }) => theirs === key && (placed === null || isPlaced(unixPath!, placed)),
    )
    if (index < 0) return null
    const [socket] = this.#left.splice(index, 1) as [HandedOn]
    this.#taken.push(socket)
    const { fd, unixPath, placed } = socket
    let isOpen = true
    const isOurs = () => this.#isOurs
    const leave = () => {
      // The number may soon belong to another file.
      if (isOpen) closeSync(fd)
      isOpen = false
    }
    return {
      ...socket,
      // It may have spoken the other one before.
      display: displayOf(scheme, socket.display),
      scheme,
      leave,
      close() {
        leave()
        if (placed !== null && isOurs()) unlinkPlaced(unixPath!, placed)
      },
    }
  }

  /** How the files of Unix sockets that were taken differ from the settings. They stay as they are: the operator may have changed them. */
  differences(mode: number, identity: Identity | null): string[] {
    return this.#taken.flatMap(({ display, unixPath, placed }) => {
      if (placed === null) return []
      const found = lstatSync(unixPath!, { throwIfNoEntry: false })
      if (found === undefined) return []
      const [has, owner] = [found.mode & 0o777, identity?.uid ?? process.geteuid!()]
      const what: string[] = []
      if (has !== mode) what.push(`mode ${has.toString(8)}, and the setting is ${mode.toString(8)}`)
      if (found.uid !== owner) what.push(`its owner, user ${found.uid}, and the gateway is user ${owner}`)
      if (what.length === 0) return []
      return [
        `${display} keeps ${what.join('; it keeps ')}: an upgrade leaves the file as it is; change it, or restart`,
      ]
    })
  }

  /** An address of the running program with this port, for a message. Undefined: there is none. */
  displayOfPort(port: number): string | undefined {
    return [...this.#left, ...this.#taken].find(one => one.port === port)?.display
  }

  /** The old one has let go: from now on the paths are ours to remove. */
  own(): void {
    this.#isOurs = true
  }

  /** Closes what was not taken. */
  closeRest(): void {
    for (const { fd } of this.#left.splice(0)) closeSync(fd)
  }
}

/** Whether that file is still there. */
export function isPlaced(path: string, placed: PlacedFile): boolean {
  const there = lstatSync(path, { throwIfNoEntry: false })
  return there !== undefined && there.dev === placed.dev && there.ino === placed.ino
}

/** Removes the file, if it is still the one that was placed. Never throws. */
export function unlinkPlaced(path: string, placed: PlacedFile): void {
  try {
    if (isPlaced(path, placed)) unlinkSync(path)
  } catch {
    // Somebody has removed it already.
  }
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket()
  } catch {
    return false
  }
}
