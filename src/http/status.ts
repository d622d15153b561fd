/** Reason phrases (RFC9110§15 and the registry). */
import { STATUS_CODES } from 'node:http'

/** The standard phrase; empty for a status that is not registered (RFC9112§4 allows an empty phrase). */
export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? ''
}
