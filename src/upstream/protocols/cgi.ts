/**
 * CGI programs: FastCGI to the spawner that runs them (`python/jumak_worker/cgi/`), and three records of its own. Runs in the gateway; pure.
 *
 *     100 BEGUN    no content: the program runs; until then the request waits for its turn
 *     101 REFUSED  status u16 · seconds for Retry-After u16, 0: none · why, for the log, UTF-8, may be empty: no program was run
 *     102 NOTE     what became of the program, for the log, UTF-8
 *
 * Each request has a connection of its own, so what waits is the queue of the spawner's socket. Invariant: a request whose BEGUN has not come may be
 * sent again, whatever its method: nothing of it was done.
 */
import type { UpstreamHead } from '../response-head.ts'
import type { Dialect } from './dialect.ts'
import { fastcgi } from './fastcgi.ts'
import { FastCgiReader, type OwnRecords } from './fastcgi-reader.ts'

export const OwnRecord = { BEGUN: 100, REFUSED: 101, NOTE: 102 } as const

const RUNS: UpstreamHead = {
  status: 100,
  reason: '',
  headers: [],
  framing: 'close',
  keepsAlive: false,
  upgradeTo: '',
  hasTrailers: false,
  localRedirect: null,
  comesAgain: false,
}

const OWN: OwnRecords = {
  from: OwnRecord.BEGUN,
  onRecord(type, content, sink) {
    switch (type) {
      case OwnRecord.BEGUN:
        sink.onInterim(RUNS)
        break
      case OwnRecord.REFUSED:
        if (content.length < 4) throw new Error('a refusal without a status')
        sink.onRefused(content.readUInt16BE(0), content.readUInt16BE(2), content.toString('utf8', 4))
        break
      case OwnRecord.NOTE:
        sink.onNote(content.toString('utf8'))
        break
    }
  },
}

export const cgi: Dialect = { ...fastcgi(false), reader: sink => new FastCgiReader(sink, false, OWN) }
