/**
 * Opens a file that a worker offers (`wsgi.file_wrapper`) through `/proc`, with an offset of the gateway's own: the worker is free
 * at once. What was opened must be the regular file that the worker named: same device, same inode, and a range within its size.
 * Where that is not so, and on systems without `/proc`, the answer is no, and the worker reads the file itself.
 *
 * Opening `/proc/<pid>/fd/N` asks for the gateway's rights to the file, not for what the worker's descriptor may do: with O_PATH a worker
 * gets a descriptor of a file that it may not read. So nothing is opened for a worker that is another user (`isApart`). One of the same
 * user has the rights of the gateway. A worker that is apart is told so, and offers nothing.
 */
import { constants, fstat, open } from 'node:fs'
import type { OpenFiles } from '../../base/open-files.ts'
import type { FileOffer } from '../wire/decode.ts'
import type { LinkAddress } from './connection.ts'

/** Who offers. */
export type OfferingWorker = Pick<LinkAddress, 'pid' | 'isApart'>

/** `done` may be called at once. It gets null, or a descriptor that its receiver closes by `files`. */
export function openOffer(
  { pid, isApart }: OfferingWorker,
  offer: FileOffer,
  files: OpenFiles,
  done: (fd: number | null) => void,
): void {
  if (isApart || !files.hasRoom) {
    done(null)
    return
  }
  files.add()
  // O_NONBLOCK: if it is a FIFO, opening must not wait for a writer.
  open(`/proc/${pid}/fd/${offer.fd}`, constants.O_RDONLY | constants.O_NONBLOCK, (error, fd) => {
    if (error !== null) {
      files.remove()
      done(null)
      return
    }
    fstat(fd, { bigint: true }, (statError, stat) => {
      const fits =
        statError === null &&
        stat.isFile() &&
        stat.dev === offer.device &&
        stat.ino === offer.inode &&
        BigInt(offer.offset) + BigInt(offer.length) <= stat.size
      if (!fits) files.close(fd)
      done(fits ? fd : null)
    })
  })
}
