/**
 * What a connection of FastCGI sends: bytes of a response as records of STDOUT, and what ends it. Runs in the gateway, for each response to a web
 * server in front of us.
 *
 * Invariant: nothing of a response goes out before its request has begun, or after its END_REQUEST. Content without a length ends with END_REQUEST too,
 * so the connection can go on.
 */
import { Output } from '../../../http1/output.ts'
import type { ResponseOwner } from '../../../http1/response-writer.ts'
import { BODY, Ending, HEADER, MAX_CONTENT, RecordType, writeHeader } from '../fastcgi-records.ts'

const { STDOUT, END_REQUEST } = RecordType
/** The empty record of STDOUT, and END_REQUEST. */
const END = HEADER + HEADER + BODY

export class FastCgiOutput extends Output {
  /** Of the request that is answered; 0: there is none. */
  #id = 0

  get isAnswering(): boolean {
    return this.#id !== 0
  }

  begin(id: number): void {
    this.#id = id
  }

  /** About the connection, not a part of a response: whole records. */
  sendRecords(records: Buffer): void {
    super.send(records)
  }

  override send(data: Buffer): boolean {
    return this.#send('', data, '', false)
  }

  /** Only for whole responses. */
  override sendJoined(text: string, data: Buffer): boolean {
    return this.#send(text, data, '', true)
  }

  override sendBehind(text: string, data: Buffer): boolean {
    return this.#send(text, data, '', false)
  }

  override sendView(before: string, data: Buffer, after: string): boolean {
    return this.#send(before, data, after, false)
  }

  /** END_REQUEST does that. */
  override endsWithConnection(): void {}

  /** The response is complete. */
  end(): void {
    if (this.#id === 0) return
    const records = Buffer.alloc(END)
    this.#writeEnd(records, 0)
    super.send(records)
  }

  /** Latin-1 text before and behind bytes. `isWhole`: the response ends with them. */
  #send(before: string, data: Buffer, after: string, isWhole: boolean): boolean {
    if (this.#id === 0) return true
    const size = before.length + data.length + after.length
    const count = Math.ceil(size / MAX_CONTENT)
    const records = Buffer.allocUnsafe(count * HEADER + size + (isWhole ? END : 0))
    // The content goes behind its first header; what does not fit into one record is moved on.
    let at = HEADER
    at += records.write(before, at, 'latin1')
    at += data.copy(records, at)
    at += records.write(after, at, 'latin1')
    for (let i = count - 1; i >= 0; i--) {
      const from = i * MAX_CONTENT
      const length = Math.min(MAX_CONTENT, size - from)
      const header = from + i * HEADER
      if (i > 0) records.copyWithin(header + HEADER, HEADER + from, HEADER + from + length)
      writeHeader(records, header, STDOUT, length, this.#id)
    }
    if (isWhole) this.#writeEnd(records, count * HEADER + size)
    return super.send(records)
  }

  /** All of it is 0 but the headers: the request is complete. */
  #writeEnd(records: Buffer, at: number): void {
    writeHeader(records, at, STDOUT, 0, this.#id)
    const body = writeHeader(records, at + HEADER, END_REQUEST, BODY, this.#id)
    records.fill(Ending.COMPLETE, body, body + BODY)
    this.#id = 0
  }
}

/** Between a response and its connection: END_REQUEST goes out before the connection looks at what follows. */
export class FastCgiEnd implements ResponseOwner {
  readonly #owner: ResponseOwner
  readonly #output: FastCgiOutput

  constructor(owner: ResponseOwner, output: FastCgiOutput) {
    this.#owner = owner
    this.#output = output
  }

  responseEnded(keepAlive: boolean): void {
    this.#output.end()
    this.#owner.responseEnded(keepAlive)
  }

  responseAborted(cause: Error, reset: boolean): void {
    this.#owner.responseAborted(cause, reset)
  }

  mayKeepAlive(): boolean {
    return this.#owner.mayKeepAlive()
  }
}
