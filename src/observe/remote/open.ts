/** Opens what takes messages to an address. Runs in the master, and in each event loop of the gateway. */
import type { RemoteAddress } from '../../config/types.ts'
import type { Sender } from './sender.ts'
import { TcpSender } from './tcp.ts'
import { UdpSender } from './udp.ts'
import { UnixSender } from './unix.ts'

/** `onProblem` is called once, with the first thing that goes wrong: the reason would be the same each time. */
export function openSender(address: RemoteAddress, onProblem: (problem: string) => void): Sender {
  let hasTold = false
  const tell = (problem: string) => {
    if (hasTold) return
    hasTold = true
    onProblem(`${problem}; what cannot be sent is lost, and this is told once`)
  }
  if (address.kind === 'unix') return new UnixSender(address.path, tell)
  return address.kind === 'udp' ? new UdpSender(address, tell) : new TcpSender(address, tell)
}
