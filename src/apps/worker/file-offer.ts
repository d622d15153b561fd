/**
 * Opens a file that a worker offers (`wsgi.file_wrapper`) through `/proc`, with an offset of the gateway's own: the worker is free
 * at once. What was opened must be the regular file that the worker named: same device, same inode, and a range within its size.
 * Where that is not so, and on systems without `/proc`, the answer is no, and the worker reads the file itself.
 */
import { constants, fstat, open } from 'node:fs'
import type { OpenFiles } from '../../base/open-files.ts'
import type { FileOffer } from '../wire/decode.ts'

/** `done` may be called at once. It gets null, or a descriptor that its receiver closes by `files`. */
export function openOffer(pid: number, offer: FileOffer, files: OpenFiles, done: (fd: number | null) => void): void {
  if (!files.hasRoom) {
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
