/** Records of FastCGI as a server writes them; a character for each byte. For tests and fuzzing. */
import { HEADER, REQUEST_ID, RecordType, VERSION } from '../fastcgi-records.ts'

export function record(type: number, content: string, padding = 0, id = REQUEST_ID): string {
  const header = Buffer.alloc(HEADER)
  header[0] = VERSION
  header[1] = type
  header.writeUInt16BE(id, 2)
  header.writeUInt16BE(content.length, 4)
  header[6] = padding
  return header.toString('latin1') + content + '\0'.repeat(padding)
}

/** A stream in as many records as there are `paddings`, at least one, and the empty one. */
export function records(text: string, paddings: readonly number[] = [], type: number = RecordType.STDOUT): string {
  const size = Math.max(1, Math.ceil(text.length / Math.max(1, paddings.length)))
  let all = ''
  for (let at = 0, i = 0; at < text.length; at += size, i++) all += record(type, text.slice(at, at + size), paddings[i])
  return all + record(type, '')
}

/** END_REQUEST. `status`: of the protocol; 0: the request is complete. */
export function ended(padding = 0, status = 0): string {
  return record(RecordType.END_REQUEST, `\0\0\0\0${String.fromCharCode(status)}\0\0\0`, padding)
}
