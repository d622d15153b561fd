/** gunicorn's section "SSL". Pure. */
import { idle, type Section, works } from '../option.ts'
import { anything, flag, text, wholeNumber } from '../shapes.ts'

/** By the numbers of Python's `ssl`. */
const CLIENTS = ['off', 'optional', 'required'] as const

export const SSL: Section = {
  title: 'SSL',
  options: [
    works('keyfile', { flags: ['--keyfile'], shape: text(), doc: 'Private key.' }, '`--tls-key`', (file, to) => {
      if (file !== '') to.set('tls-key', to.path(file))
    }),
    works(
      'certfile',
      { flags: ['--certfile'], shape: text(), doc: 'Certificate with its chain.' },
      '`--tls-cert`; without a key of its own, the file has the key too',
      (file, to) => {
        if (file === '') return
        to.set('tls-cert', to.path(file))
        if (!to.valueOf<string>('keyfile')) to.set('tls-key', to.path(file))
      },
    ),
    idle(
      'ssl_version',
      { flags: ['--ssl-version'], shape: anything(), doc: 'Version of TLS; gunicorn ignores it.' },
      'does nothing, as in gunicorn: TLS 1.2 and 1.3 are spoken',
    ),
    works(
      'cert_reqs',
      {
        flags: ['--cert-reqs'],
        shape: wholeNumber(),
        standard: '0',
        doc: 'Client certificates: 0 none, 1 optional, 2 required.',
      },
      '`--tls-client-certs`; a client whose certificate is wrong gets 400',
      (number, to) => {
        const clients = CLIENTS[number]
        if (clients === undefined) to.reject(`must be 0, 1 or 2, not ${number}`)
        else if (clients !== 'off') to.set('tls-client-certs', clients)
      },
    ),
    works(
      'ca_certs',
      { flags: ['--ca-certs'], shape: text(), doc: 'Authorities of client certificates.' },
      '`--tls-client-ca`',
      (file, to) => {
        if (!to.valueOf<number>('cert_reqs')) to.tell('does nothing without --cert-reqs: no client is asked')
        else to.set('tls-client-ca', to.path(file))
      },
    ),
    idle(
      'suppress_ragged_eofs',
      {
        flags: ['--suppress-ragged-eofs'],
        shape: flag(),
        standard: 'True',
        doc: 'A client may end TLS without saying so.',
      },
      'is not needed: it is always so',
    ),
    idle(
      'do_handshake_on_connect',
      { flags: ['--do-handshake-on-connect'], shape: flag(), standard: 'False', doc: 'Begin TLS at once.' },
      'is not needed: no handshake holds a worker',
    ),
    works(
      'ciphers',
      { flags: ['--ciphers'], shape: text(), doc: 'Ciphers, as OpenSSL lists them.' },
      '`--tls-ciphers`',
      (list, to) => to.set('tls-ciphers', list),
    ),
  ],
}
