/** TLS of uvicorn. Pure. */
import { Secret } from '../../base/secret.ts'
import { type Section, works } from '../option.ts'
import { text, wholeNumber } from '../shapes.ts'

/** By the numbers of Python's `ssl`. */
const CLIENTS = ['off', 'optional', 'required'] as const
/** PROTOCOL_TLS, PROTOCOL_TLS_SERVER: whatever both sides speak. */
const ANY_VERSION: readonly number[] = [2, 17]
const TLS_1_2 = 5

export const TLS: Section = {
  title: 'TLS',
  options: [
    works('ssl_keyfile', { flags: ['--ssl-keyfile'], shape: text(), doc: 'Private key.' }, '`--tls-key`', (file, to) =>
      to.set('tls-key', to.path(file)),
    ),
    works(
      'ssl_certfile',
      { flags: ['--ssl-certfile'], shape: text(), doc: 'Certificate with its chain.' },
      '`--tls-cert`; without a key of its own, the file has the key too',
      (file, to) => {
        to.set('tls-cert', to.path(file))
        if (!to.isGiven('ssl_keyfile')) to.set('tls-key', to.path(file))
      },
    ),
    works(
      'ssl_keyfile_password',
      { flags: ['--ssl-keyfile-password'], shape: text(), doc: 'Password of the private key.' },
      'the same, kept in memory; better in a file that `JUMAK_TLS_KEY_PASSWORD_FILE` names',
      (password, to) => {
        to.keyPassword = new Secret(password)
        to.tell(
          'can be read by others where it is given, as in the list of processes: write it into a file, and name that in JUMAK_TLS_KEY_PASSWORD_FILE',
        )
      },
    ),
    works(
      'ssl_version',
      {
        flags: ['--ssl-version'],
        shape: wholeNumber(),
        standard: '17',
        doc: "Version of TLS, as a number of Python's ssl.",
      },
      'TLS 1.2 and 1.3 are spoken; older versions are not supported',
      (number, to) => {
        if (ANY_VERSION.includes(number)) return
        if (number === TLS_1_2) to.tell('speaks TLS 1.3 too: clients that can speak it choose it')
        else to.refuse('would speak a version of TLS that is broken', 'leave it out: TLS 1.2 and 1.3 are spoken')
      },
    ),
    works(
      'ssl_cert_reqs',
      {
        flags: ['--ssl-cert-reqs'],
        shape: wholeNumber(),
        standard: '0',
        doc: 'Client certificates: 0 none, 1 optional, 2 required.',
      },
      '`--tls-client-certs`; a client whose certificate is wrong gets 400, where uvicorn ends the handshake',
      (number, to) => {
        const clients = CLIENTS[number]
        if (clients === undefined) to.reject(`must be 0, 1 or 2, not ${number}`)
        else if (clients !== 'off') to.set('tls-client-certs', clients)
      },
    ),
    works(
      'ssl_ca_certs',
      { flags: ['--ssl-ca-certs'], shape: text(), doc: 'Authorities of client certificates.' },
      '`--tls-client-ca`',
      (file, to) => {
        if (!to.valueOf<number>('ssl_cert_reqs')) to.tell('does nothing without --ssl-cert-reqs: no client is asked')
        else to.set('tls-client-ca', to.path(file))
      },
    ),
    works(
      'ssl_ciphers',
      { flags: ['--ssl-ciphers'], shape: text(), doc: 'Ciphers, as OpenSSL lists them.' },
      '`--tls-ciphers`',
      (list, to) => to.set('tls-ciphers', list),
    ),
  ],
}
