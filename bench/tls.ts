/**
 * TLS of the bench: a certificate made for the run, and the same protocol, cipher and key exchange for all stacks. The clients offer
 * nothing else, and each stack is asked what it takes before it is measured.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, createServer, type EphemeralKeyInfo, type TLSSocket } from 'node:tls'
import { type Certificate, localCertificate, pemOf } from '../test/support/certificates.ts'

export type { Certificate }

const PROTOCOL = 'TLSv1.3'
const CIPHER = 'TLS_AES_128_GCM_SHA256'
const GROUP = 'X25519'
/** What all stacks speak. */
export const AGREED: string = `${PROTOCOL}, ${CIPHER}, ${GROUP}, ECDSA P-256`

/** ECDSA on P-256, for localhost. */
export function certificate(): Certificate {
  return localCertificate()
}

/** `clientOptions` as an argument of a client. */
export function tlsOptions(): string {
  return JSON.stringify(clientOptions())
}

/** Of a client that trusts the certificate. */
function clientOptions(): ConnectionOptions {
  const ca = readFileSync(certificate().authority, 'utf8')
  return { ca, servername: 'localhost', minVersion: PROTOCOL, ciphers: CIPHER, ecdhCurve: GROUP }
}

/** For h2load, which has its own idea of ciphers and groups. */
export const H2LOAD_OPTIONS: readonly string[] = [`--tls13-ciphers=${CIPHER}`, `--groups=${GROUP}`]

let configuration: string | null = null

/** For clients that use the machine's OpenSSL: wrk. */
export function clientEnvironment(): NodeJS.ProcessEnv {
  if (configuration === null) {
    const directory = mkdtempSync(join(tmpdir(), 'jumak-bench-'))
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
    configuration = join(directory, 'openssl.cnf')
    writeFileSync(
      configuration,
      `openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MinProtocol = ${PROTOCOL}
Ciphersuites = ${CIPHER}
Groups = ${GROUP}
`,
    )
  }
  return { ...process.env, OPENSSL_CONF: configuration }
}

/** One request. @throws When it speaks something else than the others. */
export function statusOf(port: number, path: string, http: 'http1' | 'http2'): Promise<number> {
  return http === 'http1' ? statusByHttp1(port, path) : statusByHttp2(port, path)
}

/** node:http2 speaks nothing else when the server chooses no protocol. */
async function statusByHttp2(port: number, path: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const session = connectHttp2(`https://127.0.0.1:${port}`, clientOptions())
  session.on('error', reject)
  session.on('close', () => reject(new Error('the server has closed the connection')))
  const stream = session.request({ ':path': path })
  // wait: at most; whoever waits for the server asks again
  stream.setTimeout(2000, () => reject(new Error('no answer')))
  stream.on('error', reject)
  stream.on('response', headers => {
    const spoken = describe(session.socket as TLSSocket)
    if (spoken === `${PROTOCOL}, ${CIPHER}, ${GROUP}`) resolve(headers[':status']!)
    else reject(new OtherTls(`it speaks ${spoken}, not ${AGREED}`))
  })
  try {
    return await promise
  } finally {
    session.destroy()
  }
}

async function statusByHttp1(port: number, path: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  // wait: at most; whoever waits for the server asks again
  const signal = AbortSignal.timeout(2000)
  const request = get({ ...clientOptions(), host: '127.0.0.1', port, path, agent: false, signal }, response => {
    const spoken = describe(response.socket as TLSSocket)
    response.resume()
    if (spoken === `${PROTOCOL}, ${CIPHER}, ${GROUP}`) resolve(response.statusCode!)
    else reject(new OtherTls(`it speaks ${spoken}, not ${AGREED}`))
  })
  request.on('error', reject)
  return promise
}

export class OtherTls extends Error {}

function describe(socket: TLSSocket): string {
  const { name } = (socket.getEphemeralKeyInfo() ?? {}) as EphemeralKeyInfo
  return `${socket.getProtocol()}, ${socket.getCipher().standardName}, ${name ?? 'no key exchange'}`
}

/** That a client which is given `clientEnvironment` or options obeys them. `run` makes requests to the port. */
export async function checkClient(run: (port: number) => Promise<unknown>): Promise<void> {
  const spoken = new Set<string>()
  const server = createServer({ ...pemOf(certificate()), ciphers: `TLS_AES_256_GCM_SHA384:${CIPHER}` }, socket => {
    spoken.add(`${socket.getProtocol()}, ${socket.getCipher().standardName}`)
    socket.on('error', () => {})
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await run((server.address() as AddressInfo).port)
  } finally {
    server.close()
  }
  const wrong = [...spoken].find(one => one !== `${PROTOCOL}, ${CIPHER}`)
  if (wrong !== undefined || spoken.size === 0)
    throw new Error(`the client speaks ${wrong ?? 'no TLS'}, not ${AGREED}: its OpenSSL ignores what it is told`)
}
