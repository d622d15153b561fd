/** What `status` answers: nginx's text of stub_status, or JSON. Runs in the gateway. */
import type { Traffic } from '../../base/traffic.ts'

/** As nginx writes it, blanks at the ends of lines included: programs read it by its places. */
export function statusText({ accepted, requests, reading, writing, waiting }: Traffic): string {
  return `Active connections: ${reading + writing + waiting} \nserver accepts handled requests\n ${accepted} ${accepted} ${requests} \nReading: ${reading} Writing: ${writing} Waiting: ${waiting} \n`
}

export function statusJson({ accepted, requests, reading, writing, waiting }: Traffic): string {
  const active = reading + writing + waiting
  return `${JSON.stringify({ connections: { active, accepted, handled: accepted, reading, writing, waiting }, requests })}\n`
}
