/** What an entry of TLS has: the flat settings, and each `[[tls]]`, where the same keys mean the same for some names. */
import { parseHostName } from '../kinds/host-name.ts'
import { countOr, type Kind, oneOf, onOrOff, path, text } from '../kinds/kinds.ts'
import { input, type Setting, settingsIn } from './setting.ts'

const file = path('must name a file')
const fileOrOff = path('must name a file, or be off', ['off'])

/** Characters. It fits into what the gateway takes, together with what is added to it; a list of all ciphers has half as many. */
const MAX_LIST = 3500

const ciphers = text<string | null>('ciphers as OpenSSL lists them, or `auto`', written =>
  written.length <= MAX_LIST && /^[A-Za-z0-9_@+!:=.-]+$/.test(written)
    ? { value: written === 'auto' ? null : written }
    : { problem: 'must be auto, or a list as OpenSSL has it, as in ECDHE+AESGCM:TLS_AES_128_GCM_SHA256' },
)

const version: Kind<'1.2' | '1.3'> = {
  ...oneOf(['1.2', '1.3'], {
    'TLSv1.2': '1.2',
    'TLSv1.3': '1.3',
    'tls1.2': '1.2',
    'tls1.3': '1.3',
    TLSv1_2: '1.2',
    TLSv1_3: '1.3',
  }),
  literals: ['float'],
  json: { enum: ['1.2', '1.3', 1.2, 1.3] },
}

const clientCertificates = oneOf(['off', 'optional', 'required'], {
  none: 'off',
  optional_no_ca: 'optional',
  on: 'required',
  CERT_REQUIRED: 'required',
})

/** What an entry of TLS has, under the names of `[[tls]]`. Flat settings have `tls-` in front. */
function entry<Prefix extends '' | 'tls-'>(prefix: Prefix, of: Pick<Setting, 'section' | 'sources'>) {
  const own = { ...of, change: 'live' } as const
  const name = <const Key extends string>(key: Key): `${Prefix}${Key}` => `${prefix}${key}`
  return {
    certificates: input<string | null>({
      ...own,
      name: name('cert'),
      placeholder: 'FILE',
      kind: file,
      default: null,
      defaultText: 'none',
      why: 'Without a certificate there is no TLS.',
      doc: 'Certificate with its chain (PEM); repeatable: RSA and ECDSA side by side.',
      more: 'The leaf comes first, then those that have issued it: `fullchain.pem` of certbot. With a certificate, addresses without a scheme speak TLS. It is read again when it changes.',
      repeatable: 'words',
    }),
    keys: input<string | null>({
      ...own,
      name: name('key'),
      placeholder: 'FILE',
      kind: file,
      default: null,
      defaultText: 'none',
      why: 'A certificate needs its key.',
      doc: 'Its private key (PEM); as many as certificates, in their order.',
      more: 'Only the master reads it, with the rights that it was started with. It need not be readable for `user`.',
      repeatable: 'words',
    }),
    passwordFile: input<string | null>({
      ...own,
      name: name('key-password-file'),
      placeholder: 'FILE',
      kind: fileOrOff,
      default: 'off',
      why: 'Most keys are not encrypted.',
      doc: 'File with the password of encrypted keys.',
    }),
    staples: input<string | null>({
      ...own,
      name: name('staple'),
      placeholder: 'FILE',
      kind: fileOrOff,
      default: null,
      defaultText: 'none',
      why: 'Most authorities have no OCSP any more.',
      doc: 'OCSP response of the certificate (DER); one for each certificate.',
      more: 'It is given to clients that ask for it (stapling), and read again when it changes. One that is out of date is not given any more, and the log says so. `off` stands for a certificate without one.',
      repeatable: 'words',
    }),
    minVersion: input<'1.2' | '1.3'>({
      ...own,
      name: name('min-version'),
      placeholder: 'VERSION',
      kind: version,
      default: '1.2',
      why: 'All browsers of the last ten years speak it; older versions are broken.',
      doc: 'Oldest version of TLS: 1.2 or 1.3.',
    }),
    ciphers: input<string | null>({
      ...own,
      name: name('ciphers'),
      placeholder: 'LIST',
      kind: ciphers,
      default: 'auto',
      defaultText: "auto: today's recommended ones",
      why: 'Forward secrecy and authenticated encryption, the cheapest first.',
      doc: 'Ciphers, as OpenSSL lists them.',
      more: 'If none of TLS 1.3 is named (`TLS_…`), those stay as they are, as with `ssl_ciphers` of nginx. Ciphers without encryption or without a certificate are never used.',
    }),
    clients: input<'off' | 'optional' | 'required'>({
      ...own,
      name: name('client-certs'),
      placeholder: 'WHO',
      kind: clientCertificates,
      default: 'off',
      why: 'Browsers ask their user when a server wants a certificate.',
      doc: 'Client certificates: off, optional or required.',
      more: 'A client whose certificate is not right gets 400. Applications get what is known of it as `SSL_CLIENT_VERIFY`, `SSL_CLIENT_S_DN` and so on (WSGI), and by the `tls` extension (ASGI).',
    }),
    clientAuthorities: input<string | null>({
      ...own,
      name: name('client-ca'),
      placeholder: 'FILE',
      kind: fileOrOff,
      default: 'off',
      why: 'Only the operator knows whom to trust.',
      doc: 'Authorities that may issue client certificates, PEM.',
    }),
    clientRevoked: input<string | null>({
      ...own,
      name: name('client-crl'),
      placeholder: 'FILE',
      kind: fileOrOff,
      default: 'off',
      why: 'Many authorities revoke nothing.',
      doc: 'Revocation lists of these authorities, PEM.',
      more: 'A list that is out of date lets nobody of its authority in, and the log says so.',
    }),
    clientDepth: input<number | 'any'>({
      ...own,
      name: name('client-depth'),
      placeholder: 'N',
      kind: countOr('any', 0, 100),
      default: 'any',
      why: 'The authorities decide whom they let issue.',
      doc: 'Most certificates between the client’s and the authority’s.',
      more: 'With it each connection costs a full handshake: a resumed one does not show the chain.',
    }),
  }
}

export type EntrySettings = ReturnType<typeof entry>

/** The flat settings. */
export const flatEntry = entry('tls-', { section: 'TLS' })

const ofFile = { section: 'TLS', sources: ['file'] } as const

/** Keys of `[[tls]]`. */
export const tlsKeys = {
  ...entry('', ofFile),
  names: input<string>({
    ...ofFile,
    name: 'names',
    placeholder: 'HOST',
    kind: text('name, as in `api.example.kr` or `*.example.kr`', written =>
      written === '*' ? { problem: 'must be a name: default = true is for all others' } : parseHostName(written),
    ),
    default: null,
    defaultText: 'those in the certificate',
    why: 'A certificate says for which names it is.',
    doc: 'Names for which this entry is; a list.',
    more: 'The client names one when it connects (SNI): the exact name comes first, then `*.`, then the default entry.',
    repeatable: 'words',
    change: 'live',
  }),
  isDefault: input<boolean>({
    ...ofFile,
    name: 'default',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'off',
    defaultText: 'the flat settings, else the first entry',
    why: 'Some clients name nobody.',
    doc: 'It is for clients that name nobody, or somebody whom no entry has.',
    change: 'live',
  }),
}

export const TLS_KEYS: readonly Setting[] = settingsIn(tlsKeys)
