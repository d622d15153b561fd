/** The door to this folder: FastCGI, SCGI and uwsgi as connections of the gateway speak them (`http1/wire.ts`). Loaded where `bind` names one. */
import type { LocalEnd } from '../../../http/exchange.ts'
import type { Transport } from '../../../http/transport.ts'
import { Http1Response } from '../../../http1/response-writer.ts'
import type { ResponseForm } from '../../../http1/serializer.ts'
import type { Wire } from '../../../http1/wire.ts'
import { FastCgiRequests } from './fastcgi.ts'
import { FastCgiEnd, FastCgiOutput } from './fastcgi-output.ts'
import { PacketOutput } from './packet-output.ts'
import { type PacketForm, PacketReader } from './packet-reader.ts'
import { scgiRequests } from './scgi.ts'
import { uwsgiRequests } from './uwsgi.ts'

function localOf({ localAddress, localPort }: Transport): LocalEnd {
  return { address: localAddress, port: localPort, tls: null }
}

/** One request a connection, whose end ends the response. */
function packets(packetForm: PacketForm, form: ResponseForm): Wire {
  return {
    form,
    output: (transport, pace, context) => new PacketOutput(transport, pace, context),
    reader: (limits, transport, _, sink) => new PacketReader(packetForm, limits, localOf(transport), sink),
    response: (owner, output, { method }) => new Http1Response(owner, output, form, method === 'HEAD'),
  }
}

const fastcgi: Wire = {
  form: 'status-field',
  output: (transport, pace, context) => new FastCgiOutput(transport, pace, context),
  reader(limits, transport, output, sink) {
    const own = output as FastCgiOutput
    return new FastCgiRequests(limits, localOf(transport), sink, {
      get isAnswering() {
        return own.isAnswering
      },
      answer: records => own.sendRecords(records),
      began: id => own.begin(id),
      aborted: () => transport.destroy(),
    })
  },
  response(owner, output, { method }) {
    const own = output as FastCgiOutput
    return new Http1Response(new FastCgiEnd(owner, own), own, 'status-field', method === 'HEAD')
  },
}

/** mod_proxy_uwsgi wants a status line; mod_proxy_scgi and all of FastCGI a field Status. nginx takes both where they may be. */
export const WIRES: Readonly<Record<'fastcgi' | 'scgi' | 'uwsgi', Wire>> = {
  fastcgi,
  scgi: packets(scgiRequests, 'status-field'),
  uwsgi: packets(uwsgiRequests, 'status-line'),
}
