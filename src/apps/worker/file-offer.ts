/**
 * Opens a file that a worker offers (`wsgi.file_wrapper`) through `/proc`, with an offset of the gateway's own, so that the
 * worker is free at once. Linux only; anywhere else, and for anything doubtful, the answer is no and the worker reads the
 * file itself. What was opened must be the regular file the worker named: device, inode, and a range within its size.
 */
import { constants, fstat, open } from 'node:fs'
import type { OpenFiles } from '../../base/open-files.ts'
import type { FileOffer } from '../wire/decode.ts'

/** `done` gets a descriptor that the caller must close by `files`, or null; perhaps at once. */
export function openOffer(pid: number, offer: FileOffer, files: OpenFiles, done: (fd: number | null) => void): void {
  if (!files.hasRoom) {
    done(null)
    return
  }
  files.add()
  // O_NONBLOCK: if it is a FIFO after all, opening must not wait for a writer.
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
