/** What a site or a location says of TLS to upstreams (`proxy = "https://…"`), with nginx's names and hyphens. What nginx leaves open is closed. */
import { oneOf, onOrOff, path } from '../kinds/kinds.ts'
import { input } from './setting.ts'
import { none, ofFile, word } from './site-kinds.ts'

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

export const upstreamTlsKeys = {
  proxySslVerify: input<boolean>({
    ...ofFile,
    name: 'proxy-ssl-verify',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'on',
    why: 'Without it TLS keeps nothing from whoever stands between.',
    doc: 'Whether the certificate of a server must be right: its name, its dates, and an authority that is known.',
  }),
  proxySslTrustedCertificate: input<string | null>({
    ...ofFile,
    ...none,
    defaultText: 'those of the system',
    name: 'proxy-ssl-trusted-certificate',
    placeholder: 'FILE',
    kind: path('must name a file'),
    why: 'A public authority signs for everybody; for own servers an own one is better.',
    doc: 'Certificates (PEM) of the authorities that may sign the certificate of a server.',
    more: 'Files are read at the start and at HUP, by the user that starts the program.',
  }),
  proxySslName: input<string | null>({
    ...ofFile,
    ...none,
    defaultText: 'that of the server, as `servers` or `proxy` has it',
    name: 'proxy-ssl-name',
    placeholder: 'NAME',
    kind: word('host name', /^[A-Za-z0-9_.:-]{1,253}$/, 'must be a host name or an address'),
    why: 'A certificate is for the name by which one asks.',
    doc: 'Name that the certificate of a server must have, and that it is asked for.',
  }),
  proxySslServerName: input<boolean>({
    ...ofFile,
    name: 'proxy-ssl-server-name',
    placeholder: '',
    kind: onOrOff('value'),
    default: 'on',
    why: 'A server with several certificates needs it.',
    doc: 'Whether a server is told the name by which it is asked (SNI). An address is never told.',
  }),
  proxySslCertificate: input<string | null>({
    ...ofFile,
    ...none,
    name: 'proxy-ssl-certificate',
    placeholder: 'FILE',
    kind: path('must name a file'),
    why: 'Few servers ask for one.',
    doc: 'Certificate (PEM) by which a server knows this program.',
  }),
  proxySslCertificateKey: input<string | null>({
    ...ofFile,
    ...none,
    name: 'proxy-ssl-certificate-key',
    placeholder: 'FILE',
    kind: path('must name a file'),
    why: 'It belongs to `proxy-ssl-certificate`.',
    doc: 'Key (PEM, without a password) of `proxy-ssl-certificate`.',
  }),
  proxySslProtocols: input({
    ...ofFile,
    name: 'proxy-ssl-protocols',
    placeholder: 'VERSION',
    kind: oneOf(TLS_VERSIONS),
    default: 'TLSv1.2,TLSv1.3',
    why: 'What is older is broken.',
    doc: 'Versions of TLS that are spoken with servers; a list.',
    repeatable: 'commas',
  }),
}
