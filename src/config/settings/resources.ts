/** Settings that bound what all clients together take of the machine: disk, memory, connections. */
import { countOr, sizeOr } from '../kinds/kinds.ts'
import { input } from './setting.ts'

const MIB = 1024 ** 2
const TIB = 1024 ** 4

export const resources = {
  limits: {
    temporaryBytes: input({
      name: 'limit-temp-bytes',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: sizeOr('auto', MIB, 1024 * TIB),
      default: 'auto',
      why: 'Three quarters of the space that is free in `temp-dir` at the start. A full disk would stop other programs too, the database first.',
      doc: 'Bytes of all temporary files; then large uploads are 503; auto: by free space.',
      more: 'Uploads and responses of more than 1 MiB wait in temporary files. At the limit an upload that does not fit into memory is answered 503 with `Retry-After`, before it is read if its length is known. A response that does not fit is held back: its worker waits for the client. Keep the limit above `limit-request-body`: a larger upload than this limit never succeeds.',
      change: 'restart',
    }),
    memory: input({
      name: 'limit-memory',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: sizeOr('auto', MIB, TIB),
      default: 'auto',
      why: 'A quarter of what the control group (container, service) allows, else of the machine. The workers need the rest.',
      doc: 'Memory that clients can make the gateway hold; auto: by what there is.',
      more: 'It counts together: heads and content of requests, responses that clients do not take, messages of WebSockets, and data that workers do not read. From a quarter of the limit on the gateway keeps less: it uses temporary files at once instead of after 1 MiB, and smaller pieces, and workers wait for slow clients sooner. At the limit the largest go first: an upload is answered 503, a WebSocket is closed with 1013, a response or a connection is cut, and the log says so. The limit is for the buffers. The gateway itself takes some 60 MB more, and up to half of the limit until freed memory is used again.',
      change: 'restart',
    }),
    connections: input({
      name: 'limit-connections',
      section: 'Limits',
      placeholder: 'N',
      kind: countOr('auto', 1, 1_000_000),
      default: 'auto',
      why: 'Three quarters of the limit on open files, without the links to workers: the rest is for temporary files and files that are sent. At most as many as fit into a quarter of what the control group (container, service) allows, else of the machine, with 16 KiB each, or 32 KiB where an address speaks TLS.',
      doc: 'Client connections at a time; auto: by open files and memory.',
      more: 'An HTTP/2 connection counts once, however many requests it carries (`limit-streams`).',
      change: 'restart',
    }),
    connectionsPerAddress: input({
      name: 'limit-connections-per-address',
      section: 'Limits',
      placeholder: 'N',
      kind: countOr('auto', 0, 1_000_000),
      default: 'auto',
      why: 'Half of `limit-connections`: one client cannot keep all others out, and an office or a mobile network behind one address has enough.',
      doc: 'Client connections of one address at a time; auto: half of all, 0: no limit.',
      more: 'One more is answered 503. It counts connections, not requests: one HTTP/2 connection carries up to `limit-streams` of them at a time, and `limit-requests-per-address` bounds those that wait. An IPv6 network of 64 bits counts as one address. Trusted proxies and Unix sockets are not counted: they speak for many clients. A proxy that is not in `trusted-proxies` is counted, and the log says so when it is refused.',
      change: 'restart',
    }),
  },
}
