/**
 * `fd://3`: a socket that the program before us has bound, and perhaps listens on, such as systemd. Runs in the master, which only
 * looks at it and hands it on. If it has a path, the program that bound it removes the path.
 */
import { fstatSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { asErrno, OperatorError } from '../errors.ts'
import { type BareListener, displayOf, type Listener } from './listener.ts'

/** What a new Jumak that takes it over knows it by. */
export function keyOfDescriptor(fd: number): string {
  return `fd://${fd}`
}

/** Throws an OperatorError when no client could connect to it. */
export function adoptListener(fd: number, scheme: Listener['scheme']): BareListener {
  const refuse = (why: string) =>
    new OperatorError(
      `cannot listen on fd://${fd}: ${why}; hand a bound or listening stream socket on as descriptor ${fd}`,
    )
  let inode: number
  try {
    const found = fstatSync(fd)
    if (!found.isSocket()) throw refuse('it is no socket')
    inode = found.ino
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw refuse(asErrno(error).code === 'EBADF' ? 'there is no such descriptor' : asErrno(error).message)
  }
  let socket: net.Socket
  try {
    // Never reads or writes: it tells the address, and keeps the descriptor until the end.
    socket = new net.Socket({ fd, readable: false, writable: false })
  } catch {
    throw refuse('it is no stream socket')
  }
  socket.on('error', () => {})
  socket.unref()
  if (socket.remoteAddress !== undefined) throw refuse('it is connected to a client')
  const address = socket.address() as Partial<net.AddressInfo>
  const shared = {
    fd,
    key: keyOfDescriptor(fd),
    port: address.port ?? 0,
    placed: null,
    isShared: true,
    scheme,
    close: () => void socket.destroy(),
    leave: () => void socket.destroy(),
  }
  if (address.port !== undefined) {
    const host = net.isIPv6(address.address ?? '') ? `[${address.address}]` : address.address
    return { ...shared, display: displayOf(scheme, `${host}:${address.port}`), unixPath: null }
  }
  const path = unixPathOf(inode)
  if (path === null) throw refuse('it is not bound to an address')
  return { ...shared, display: displayOf(scheme, `unix:${path}`), unixPath: path }
}

/** Linux lists the paths of Unix sockets; other systems do not. */
function unixPathOf(inode: number): string | null {
  let table: string
  try {
    table = readFileSync('/proc/net/unix', 'utf8')
  } catch {
    return '(inherited)'
  }
  for (const line of table.split('\n')) {
    // Num RefCount Protocol Flags Type St Inode Path; type 1 is a stream, state 1 unconnected.
    const [, , , , type, state, ...rest] = line.split(' ')
    if (type !== '0001' || state !== '01') continue
    const [number, ...path] = rest.join(' ').trimStart().split(' ')
    if (Number(number) === inode && path.length > 0) return path.join(' ')
  }
  return null
}
