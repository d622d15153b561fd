/**
 * The connections of their own that applications of WSGI in greenlets ask for, of one link: opens so many at a time that the worker's queue of
 * connections has room for them, and ends them with the worker. Runs in the gateway.
 */
import type { ApplicationRoot } from '../../http/application-root.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import type { TunnelSettings } from '../raw/tunnel.ts'
import { MAX_ATTACHING } from '../wire/multiplex.ts'
import type { RelayLimits } from '../worker/relay.ts'
import { Attachment, type AttachmentLink } from './attachment.ts'
import type { MultiplexedCall } from './call.ts'

export interface HandshakeSettings {
  readonly tunnels: TunnelSettings
  /** For SCRIPT_NAME and PATH_INFO. */
  readonly root: ApplicationRoot
}

export class Attachments {
  readonly #link: AttachmentLink
  readonly #owner: LinkOwner
  readonly #tunnels: TunnelSettings
  readonly #limits: RelayLimits
  /** Those that are connecting. */
  readonly #opening = new Set<Attachment>()
  /** In order. As many as there are calls on the link at most. */
  readonly #waiting = new Set<Attachment>()
  /** Those of the calls on the link; some may be over. */
  readonly #all = new Set<Attachment>()
  #timer: NodeJS.Timeout | undefined

  constructor(link: AttachmentLink, owner: LinkOwner, tunnels: TunnelSettings, limits: RelayLimits) {
    this.#link = link
    this.#owner = owner
    this.#tunnels = tunnels
    this.#limits = limits
  }

  add(one: MultiplexedCall, token: number, waits: boolean): void {
    const settled = (attachment: Attachment) => this.#settled(attachment)
    const over = (attachment: Attachment) => this.#all.delete(attachment)
    const attachment = new Attachment(
      one,
      { token, waits, tunnels: this.#tunnels, limits: this.#limits, settled, over },
      this.#link,
      this.#owner,
    )
    one.attachment = attachment
    this.#all.add(attachment)
    this.#waiting.add(attachment)
    this.#openNext()
  }

  /** Ends those that are tunnels by then: their worker's time is nearly over. */
  endAfter(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      for (const one of [...this.#all]) if (one.isTunnel) one.endTunnel()
    }, ms).unref()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.clear()
  }

  #settled(attachment: Attachment): void {
    this.#waiting.delete(attachment)
    if (this.#opening.delete(attachment)) this.#openNext()
  }

  #openNext(): void {
    if (this.#opening.size >= MAX_ATTACHING) return
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    this.#opening.add(next)
    next.open()
  }
}
