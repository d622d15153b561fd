/**
 * Listening sockets: the master binds them, and gateways inherit them. The only file that knows how a socket is bound
 * (`net.BoundSocket`) and how its descriptor is found. Runs in the master.
 *
 * Invariants: the master never listens or accepts, so it never takes a connection. The sockets live as long as the master, so no client
 * is refused when a gateway dies. A Unix socket appears complete: bound under a temporary name, made accessible, renamed into place. At
 * the end its path is removed only if it is still our socket.
 * `[::]:80` alone takes clients of IPv4 too. Beside an address of IPv4 with the same port it takes those of IPv6 only, because the kernel
 * refuses the two otherwise.
 * Not here: sockets that somebody else has bound (`inherited-listener.ts`), or that the Jumak before this one hands on (`handed-on.ts`).
 */
import { lookup } from 'node:dns/promises'
import { lstatSync, renameSync, type Stats, statSync } from 'node:fs'
import net from 'node:net'
import { basename, dirname, join } from 'node:path'
import type { BindAddress, Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { type HandedOnSockets, unlinkPlaced } from './handed-on.ts'
import { giveTo, runAs } from './identity.ts'
import { adoptListener, keyOfDescriptor } from './inherited-listener.ts'
import { type BareListener, displayOf, type Listener } from './listener.ts'
import { replaceableStep } from './safe-path.ts'
import { withUmask } from './umask.ts'
import { checkSocketPath, isSocketAnswering } from './unix-socket.ts'

/** The part of `net.BoundSocket` that this file uses: the type definitions lack `path`, and older versions of Node lack the class. */
interface BoundSocket {
  address(): { readonly address: string; readonly port: number } | string
  fd(): number
  close(): void
}
type BoundSocketClass = new (options: {
  host?: string
  port?: number
  path?: string
  ipv6Only?: boolean
}) => BoundSocket

/** Mode and owner of the paths of Unix sockets. */
export interface UnixSocketOptions {
  /** By default anybody may connect, as with a TCP port. */
  readonly mode?: number
  /** Their owner: with a mode such as 0660, members of its group may connect. Null: us. */
  readonly identity?: Identity | null
}

/** Those that are bound now. */
export class BoundListeners {
  all: readonly Listener[] = []
  /** Of them, those on which a new Jumak listens. */
  handedOn: readonly Listener[] = []

  close(): void {
    // A copy that we kept would let clients wait for nobody, if the new Jumak is stopped while we finish what runs.
    for (const listener of this.all)
      if (this.handedOn.includes(listener)) listener.leave()
      else listener.close()
    this.all = []
  }
}

/**
 * Binds all, in order. On an error it releases those that are bound, and throws an OperatorError that says what to do. `handedOn`: sockets
 * of the Jumak that this one replaces: an address that is the same takes its socket. `hasTls`: there is a certificate.
 */
export async function bindListeners(
  addresses: readonly BindAddress[],
  unixSockets: UnixSocketOptions = {},
  handedOn: HandedOnSockets | null = null,
  hasTls = false,
): Promise<Listener[]> {
  const bound: Listener[] = []
  try {
    for (const address of addresses) {
      const key = keyOf(address, addresses)
      const scheme = address.scheme ?? (hasTls ? 'https' : 'http')
      const listener = handedOn?.take(key, scheme) ?? (await bindOne(address, key, unixSockets, handedOn, scheme))
      // The kernel allows two sockets on one address until the first one listens. Then it is too late for a clear message.
      const bare = displayOf('http', listener.display)
      const twin = bound.some(other => displayOf('http', other.display) === bare)
      bound.push({ ...listener, hasProxyHeader: address.hasProxyHeader ?? false })
      if (twin) throw new OperatorError(`cannot listen on ${listener.display} twice: remove one of the two --bind`)
    }
    return bound
  } catch (error) {
    for (const listener of bound) listener.close()
    throw error
  }
}

async function bindOne(
  address: BindAddress,
  key: string,
  unixSockets: UnixSocketOptions,
  handedOn: HandedOnSockets | null,
  scheme: Listener['scheme'],
): Promise<BareListener> {
  switch (address.kind) {
    case 'tcp':
      return bindTcp(address.host, address.port, key, handedOn, scheme)
    case 'unix':
      return bindUnix(address.path, key, unixSockets, scheme)
    case 'fd':
      // The number may be anything here: descriptors of a new Jumak come from the one before it.
      if (handedOn !== null)
        throw new OperatorError(
          `cannot listen on fd://${address.fd}: the program that is replaced does not have it; only a restart can pass it on`,
        )
      return adoptListener(address.fd, scheme)
  }
}

const IPV6_ONLY = ' ipv6-only'

/** The same for the same socket in the next configuration. */
function keyOf(address: BindAddress, all: readonly BindAddress[]): string {
  switch (address.kind) {
    case 'tcp':
      return `${formatTcp('http', address.host, address.port)}${isIpv6Only(address.host, address.port, all) ? IPV6_ONLY : ''}`
    case 'unix':
      return `unix:${address.path}`
    case 'fd':
      return keyOfDescriptor(address.fd)
  }
}

/** All addresses of IPv6, while one of IPv4 has the same port. */
function isIpv6Only(host: string, port: number, all: readonly BindAddress[]): boolean {
  if (port === 0 || !net.isIPv6(host) || !/^[0:]+$/.test(host)) return false
  return all.some(other => other.kind === 'tcp' && other.port === port && net.isIPv4(other.host))
}

function createBoundSocket(options: ConstructorParameters<BoundSocketClass>[0]): BoundSocket {
  const Bound = (net as { BoundSocket?: unknown }).BoundSocket as BoundSocketClass | undefined
  if (Bound === undefined) throw new OperatorError(`Node ${process.version} lacks net.BoundSocket: use 24.21 or newer`)
  return new Bound(options)
}

async function bindTcp(
  host: string,
  port: number,
  key: string,
  handedOn: HandedOnSockets | null,
  scheme: Listener['scheme'],
): Promise<BareListener> {
  const wanted = formatTcp(scheme, host, port)
  const socket = await resolveHost(host, wanted).then(numeric => {
    try {
      return createBoundSocket({ host: numeric, port, ipv6Only: key.endsWith(IPV6_ONLY) })
    } catch (error) {
      const held = asErrno(error).code === 'EADDRINUSE' ? handedOn?.displayOfPort(port) : undefined
      if (held !== undefined)
        throw new OperatorError(
          `cannot listen on ${wanted} while the program that is replaced listens on ${held}: an upgrade cannot change one into the other; restart instead`,
        )
      throw explainTcp(error, wanted, port)
    }
  })
  const address = socket.address()
  const real = typeof address === 'string' ? port : address.port
  return {
    fd: socket.fd(),
    display: formatTcp(scheme, host, real),
    scheme,
    unixPath: null,
    port: real,
    key,
    placed: null,
    isShared: false,
    close: () => socket.close(),
    leave: () => socket.close(),
  }
}

/** BoundSocket takes no names. */
async function resolveHost(host: string, wanted: string): Promise<string> {
  if (net.isIP(host)) return host
  try {
    return (await lookup(host)).address
  } catch {
    throw new OperatorError(
      `cannot listen on ${wanted}: the host name '${host}' has no address; use an IP address of this machine`,
    )
  }
}

function formatTcp(scheme: Listener['scheme'], host: string, port: number): string {
  return `${scheme}://${net.isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** The sentence for a failed bind; exported for its test. */
export function explainTcp(error: unknown, wanted: string, port: number): OperatorError {
  switch (asErrno(error).code) {
    case 'EADDRINUSE':
      return new OperatorError(
        `cannot listen on ${wanted}: another program does; stop it, or choose another port with --bind`,
      )
    case 'EACCES':
      return new OperatorError(
        `cannot listen on ${wanted}: ports below 1024 are for root; choose one such as ${port + 8000}, or give the program CAP_NET_BIND_SERVICE`,
      )
    case 'EADDRNOTAVAIL':
      return new OperatorError(
        `cannot listen on ${wanted}: no interface of this machine has that address; 0.0.0.0 means all of them`,
      )
    default:
      return new OperatorError(`cannot listen on ${wanted}: ${asErrno(error).message}`)
  }
}

async function bindUnix(
  path: string,
  key: string,
  { mode = 0o666, identity = null }: UnixSocketOptions,
  scheme: Listener['scheme'],
): Promise<BareListener> {
  const display = displayOf(scheme, `unix:${path}`)
  // Shorter than most names: a temporary path that is too long should not be the reason for an error.
  const temporary = join(dirname(path), `.${Math.random().toString(36).slice(2, 6)}`)
  checkSocketPath(path, display)
  checkSocketPath(temporary, display)
  await checkReplaceable(path, display)
  let socket: BoundSocket
  let placed: Stats
  try {
    // Only this tells a missing directory from a closed one: bind says EACCES for both.
    statSync(dirname(path))
    socket = bindPath(temporary, mode, identity)
  } catch (error) {
    throw explainUnix(error, display, path)
  }
  try {
    placed = lstatSync(temporary)
    renameSync(temporary, path)
  } catch (error) {
    socket.close()
    throw explainUnix(error, display, path)
  }
  return {
    fd: socket.fd(),
    display,
    scheme,
    unixPath: path,
    port: 0,
    key,
    placed: { dev: placed.dev, ino: placed.ino },
    isShared: false,
    close() {
      // Removes only the temporary name, which is gone: closing cannot remove a successor's path.
      socket.close()
      unlinkPlaced(path, placed)
    },
    leave: () => socket.close(),
  }
}

/**
 * The socket has its mode and owner from the first moment on. It is bound in the identity's name where that works: in a directory of the
 * identity a path may name another file a moment later, and root would give that file away.
 */
function bindPath(path: string, mode: number, identity: Identity | null): BoundSocket {
  return withUmask(0o777 & ~mode, () => {
    try {
      return runAs(identity, () => createBoundSocket({ path }))
    } catch (error) {
      if (identity === null || asErrno(error).code !== 'EACCES' || replaceableStep(identity, path) !== null) throw error
      const socket = createBoundSocket({ path })
      giveTo(identity, path)
      return socket
    }
  })
}

/** Nothing is there, or a socket that nobody answers, as a killed predecessor leaves behind. Otherwise throws. */
async function checkReplaceable(path: string, display: string): Promise<void> {
  let there: Stats
  try {
    there = lstatSync(path)
  } catch (error) {
    if (asErrno(error).code === 'ENOENT') return
    throw explainUnix(error, display, path)
  }
  if (!there.isSocket())
    throw new OperatorError(`cannot listen on ${display}: '${basename(path)}' exists and is no socket; remove it`)
  if (await isSocketAnswering(path))
    throw new OperatorError(
      `cannot listen on ${display}: another program does; stop it, or choose another path with --bind`,
    )
}

function explainUnix(error: unknown, display: string, path: string): OperatorError {
  if (error instanceof OperatorError) return error
  switch (asErrno(error).code) {
    case 'ENOENT':
      return new OperatorError(`cannot listen on ${display}: there is no directory ${dirname(path)}; create it`)
    case 'EACCES':
    case 'EPERM':
      return new OperatorError(`cannot listen on ${display}: no permission to create files in ${dirname(path)}`)
    default:
      return new OperatorError(`cannot listen on ${display}: ${asErrno(error).message}`)
  }
}
