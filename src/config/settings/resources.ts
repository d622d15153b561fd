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
      why: 'Three quarters of what is free in `temp-dir` at start: a full disk would stop others too, the database first.',
      doc: 'All temporary files together; then large uploads are 503; auto: by free space.',
      more: 'Uploads and responses of more than 1 MiB wait in temporary files. When these have reached the limit, an upload that does not fit into memory is answered 503 with `Retry-After`, before it is read where its length is known, and a response that does not is held back: its worker waits for the client. Keep it above `limit-request-body`: a larger upload than this never succeeds.',
      change: 'restart',
    }),
    memory: input({
      name: 'limit-memory',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: sizeOr('auto', MIB, TIB),
      default: 'auto',
      why: 'A quarter of what the control group allows (a container, a service), else of the machine: the workers need the rest.',
      doc: 'All that clients make the gateway keep in memory; auto: by what there is.',
      more: 'Heads and content of requests, responses that clients do not take, messages of WebSockets, what workers do not read: all of it together. From a quarter of it on the gateway keeps less: temporary files are used at once instead of after 1 MiB, in smaller pieces, and workers wait for slow clients sooner. At the limit the largest go first: an upload is answered 503, a WebSocket is closed with 1013, a response or a connection is cut, and the log says so. It is what the buffers hold; the gateway itself takes some 60 MB besides, and up to half as much again until freed memory is used anew.',
      change: 'restart',
    }),
    connections: input({
      name: 'limit-connections',
      section: 'Limits',
      placeholder: 'N',
      kind: countOr('auto', 1, 1_000_000),
      default: 'auto',
      why: 'Three quarters of the limit on open files, less links to workers: the rest is for temporary files and files that are sent.',
      doc: 'Client connections at a time; auto: by the limit on open files.',
      change: 'restart',
    }),
    connectionsPerAddress: input({
      name: 'limit-connections-per-address',
      section: 'Limits',
      placeholder: 'N',
      kind: countOr('auto', 0, 1_000_000),
      default: 'auto',
      why: 'Half of `limit-connections`: one client cannot keep all others out, and an office or a mobile network behind one address is not noticed.',
      doc: 'Client connections of one address at a time; auto: half of all, 0: no limit.',
      more: 'One more is answered 503. An IPv6 network of 64 bits counts as one address. Trusted proxies and Unix sockets are not counted: they speak for many. A proxy that is not among `trusted-proxies` is, and the log says so when it is refused.',
      change: 'restart',
    }),
  },
}
