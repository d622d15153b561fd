/** The error of a file that could not be sent to its end. Call it before the descriptor is closed, while the file has a name. */
import { openFileName } from '../base/open-file-name.ts'
import { FileCutError } from './errors.ts'

/** `position`: the first byte that was not sent; `end`: the byte behind the last one; `error`: null when the file has become shorter. */
export function fileCut(fd: number, position: number, end: number, error: NodeJS.ErrnoException | null): FileCutError {
  // An application may name its files as it likes. A message in the log stays one line.
  const name = openFileName(fd)?.replace(/[\x00-\x1f\x7f-\x9f]/g, '?') ?? 'a file'
  return new FileCutError(name, position, end, error === null ? null : (error.code ?? error.message))
}
