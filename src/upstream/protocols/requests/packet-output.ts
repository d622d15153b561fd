/**
 * What a connection of SCGI or uwsgi sends: one response, whose end is that of the connection. No other request can follow, so it need not wait for the
 * other end: FIN, a read and a timer for each request are saved. Runs in the gateway.
 */
import { Output } from '../../../http1/output.ts'

export class PacketOutput extends Output {
  #hasLength = true

  override endsWithConnection(): void {
    this.#hasLength = false
    super.endsWithConnection()
  }

  /** Content without a length ends with a FIN that was sent in order: what is cut must look different. */
  override get closesAtOnce(): boolean {
    return this.#hasLength && this.isAllTaken
  }
}
