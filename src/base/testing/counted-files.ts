/** Open files that a test can count. */
import { OpenFiles } from '../open-files.ts'

export class CountedFiles extends OpenFiles {
  count = 0

  override add(): void {
    super.add()
    this.count++
  }

  override remove(): void {
    super.remove()
    this.count--
  }

  /** Resolves when all are closed. */
  async untilClosed(): Promise<void> {
    while (this.count > 0) await new Promise(resolve => setImmediate(resolve))
  }
}
