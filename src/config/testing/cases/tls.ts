import type { Case } from './case.ts'

const CERTIFICATE = ['--tls-cert', 'site.pem', '--tls-key', 'site.key']
const CLIENTS = [...CERTIFICATE, '--tls-client-certs', 'required', '--tls-client-ca', 'ca.pem']

const FILE = /must name a file/

export const tls: Readonly<Record<string, Case>> = {
  'tls-cert': {
    of: ({ tls }) => tls.entries[0]?.certificates[0]?.certificate,
    standard: undefined,
    texts: [['site.pem', '$/site.pem']],
    toml: '"site.pem"',
    wrong: ['\0', FILE],
    with: ['--tls-key', 'site.key'],
    withDefault: [],
  },
  'tls-key': {
    of: ({ tls }) => tls.entries[0]?.certificates[0]?.key,
    standard: undefined,
    texts: [['site.key', '$/site.key']],
    toml: '"site.key"',
    wrong: ['\0', FILE],
    with: ['--tls-cert', 'site.pem'],
    withDefault: [],
  },
  'tls-key-password-file': {
    of: ({ tls }) => tls.entries[0]?.keyPasswordFile ?? null,
    standard: null,
    texts: [
      ['password', '$/password'],
      ['off', null],
    ],
    toml: '"password"',
    wrong: ['\0', FILE],
    with: CERTIFICATE,
  },
  'tls-staple': {
    of: ({ tls }) => tls.entries[0]?.certificates[0]?.staple,
    standard: null,
    texts: [['site.der', '$/site.der']],
    toml: '"site.der"',
    wrong: ['\0', FILE],
    with: CERTIFICATE,
  },
  'tls-min-version': {
    of: ({ tls }) => tls.entries[0]?.minVersion ?? 'TLSv1.2',
    standard: 'TLSv1.2',
    texts: [
      ['1.3', 'TLSv1.3'],
      ['1.2', 'TLSv1.2'],
    ],
    toml: '1.3',
    wrong: ['TLSv1.3', /must be 1\.2 or 1\.3 \(did you mean 1\.3\?\)/],
    with: CERTIFICATE,
  },
  'tls-ciphers': {
    of: ({ tls }) => tls.entries[0]?.ciphers ?? null,
    standard: null,
    texts: [
      ['ECDHE+AESGCM:TLS_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256:ECDHE+AESGCM:!aNULL:!eNULL'],
      ['auto', null],
    ],
    toml: '"ECDHE+AESGCM:TLS_AES_128_GCM_SHA256"',
    wrong: ['a b', /must be auto, or a list as OpenSSL has it/],
    with: CERTIFICATE,
  },
  'tls-client-certs': {
    of: ({ tls }) => {
      const clients = tls.entries[0]?.clients ?? null
      return clients === null ? 'off' : clients.isRequired ? 'required' : 'optional'
    },
    standard: 'off',
    texts: [
      ['required', 'required'],
      ['optional', 'optional'],
    ],
    toml: '"required"',
    wrong: ['none', /must be off, optional or required \(did you mean off\?\)/],
    with: [...CERTIFICATE, '--tls-client-ca', 'ca.pem'],
    withDefault: CERTIFICATE,
  },
  'tls-client-ca': {
    of: ({ tls }) => tls.entries[0]?.clients?.authorities ?? null,
    standard: null,
    texts: [['ca.pem', '$/ca.pem']],
    toml: '"ca.pem"',
    wrong: ['\0', FILE],
    with: [...CERTIFICATE, '--tls-client-certs', 'optional'],
    withDefault: CERTIFICATE,
  },
  'tls-client-crl': {
    of: ({ tls }) => tls.entries[0]?.clients?.revoked ?? null,
    standard: null,
    texts: [
      ['crl.pem', '$/crl.pem'],
      ['off', null],
    ],
    toml: '"crl.pem"',
    wrong: ['\0', FILE],
    with: CLIENTS,
  },
  'tls-client-depth': {
    of: ({ tls }) => tls.entries[0]?.clients?.depth ?? null,
    standard: null,
    texts: [
      ['1', 1],
      ['any', null],
    ],
    toml: '1',
    wrong: ['many', /must be a whole number from 0 to 100, or any/],
    with: CLIENTS,
  },
  tls: {
    of: ({ tls }) => tls.isSelfSigned,
    standard: false,
    texts: [
      ['self-signed', true],
      ['off', false],
    ],
    toml: '"self-signed"',
    wrong: ['on', /must be off or self-signed/],
  },
  'redirect-to-https': {
    of: ({ https }) => https.redirect,
    standard: false,
    texts: [
      ['on', true],
      ['off', false],
    ],
    toml: 'true',
    wrong: ['maybe', /must be on or off/],
    with: [...CERTIFICATE, '-b', ':8443', '-b', 'http://:8080'],
  },
  hsts: {
    of: ({ https }) => https.hsts,
    standard: null,
    texts: [
      ['365d', 365 * 86_400],
      ['0', 0],
      ['off', null],
    ],
    toml: '"365d"',
    wrong: ['a year', /must be seconds \(3600\) or a number with a unit/],
    with: CERTIFICATE,
  },
}
