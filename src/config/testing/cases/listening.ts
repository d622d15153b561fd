import type { Case } from './case.ts'

function probe(of: Case['of']): Case {
  return {
    of,
    standard: null,
    texts: [
      ['/-/probe', '/-/probe'],
      ['off', null],
    ],
    toml: '"/-/probe"',
    wrong: ['/a b', /must be a plain path as clients send it/],
  }
}

export const listening: Readonly<Record<string, Case>> = {
  bind: {
    of: ({ bind }) => bind,
    standard: [{ kind: 'tcp', host: '127.0.0.1', port: 8000 }],
    texts: [
      ['9000', [{ kind: 'tcp', host: '127.0.0.1', port: 9000 }]],
      [
        ':80, unix:a.sock',
        [
          { kind: 'tcp', host: '0.0.0.0', port: 80 },
          { kind: 'unix', path: '$/a.sock' },
        ],
      ],
      ['fd://3', [{ kind: 'fd', fd: 3 }]],
    ],
    toml: '9000',
    wrong: ['localhost', /must be HOST:PORT, :PORT, PORT, \[IPv6\]:PORT, unix:PATH or fd:\/\/N/],
  },
  'unix-mode': {
    of: ({ unixMode }) => unixMode,
    standard: 0o666,
    texts: [
      ['660', 0o660],
      ['0600', 0o600],
      ['0o600', 0o600],
    ],
    toml: '"660"',
    wrong: ['888', /must be octal, from 0 to 777/],
    with: ['-b', 'unix:x.sock'],
  },
  'trusted-proxies': {
    of: ({ trustedProxies }) => trustedProxies,
    standard: ['127.0.0.0/8', '::1', 'unix'],
    texts: [
      ['10.0.0.0/8,2001:db8::/32, unix', ['10.0.0.0/8', '2001:db8::/32', 'unix']],
      ['*', ['0.0.0.0/0', '::/0', 'unix']],
      ['none', []],
    ],
    toml: '["10.0.0.0/8", "2001:db8::/32", "unix"]',
    wrong: ['10.0.0.0/33', /must be an IP address, a range/],
  },
  'proxy-protocol-from': {
    of: ({ proxyProtocolFrom }) => proxyProtocolFrom,
    standard: [],
    texts: [
      ['10.0.0.5,2001:db8::/32, unix', ['10.0.0.5', '2001:db8::/32', 'unix']],
      ['*', ['0.0.0.0/0', '::/0', 'unix']],
    ],
    toml: '["10.0.0.5", "2001:db8::/32", "unix"]',
    wrong: ['10.0.0.0/33', /must be an IP address, a range/],
  },
  'params-from': {
    of: ({ paramsFrom }) => paramsFrom,
    standard: ['127.0.0.0/8', '::1', 'unix'],
    texts: [
      ['10.0.0.5,2001:db8::/32, unix', ['10.0.0.5', '2001:db8::/32', 'unix']],
      ['*', ['0.0.0.0/0', '::/0', 'unix']],
    ],
    toml: '["10.0.0.5", "2001:db8::/32", "unix"]',
    wrong: ['10.0.0.0/33', /must be an IP address, a range/],
  },
  'forwarded-headers': {
    of: ({ forwardedHeaders }) => forwardedHeaders,
    standard: ['x-forwarded-for', 'x-forwarded-proto'],
    texts: [
      ['x-forwarded-FOR, X-Forwarded-Host,X-Forwarded-For', ['x-forwarded-for', 'x-forwarded-host']],
      ['Forwarded', ['forwarded']],
      ['none', []],
    ],
    toml: '["X-Forwarded-For", "X-Forwarded-Host"]',
    wrong: ['X_Forwarded_Hots', /must be Forwarded, X-Forwarded-For, .* or none \(did you mean X-Forwarded-Host\?\)/],
  },
  'health-path': probe(({ health }) => health.live),
  'ready-path': probe(({ health }) => health.ready),
}
