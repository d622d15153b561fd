/** Entry of the master process: opens its log, and hands everything else to `master.ts`. */
import { writeSync } from 'node:fs'
import type { Config } from '../config/types.ts'
import { LOG_ADVICE } from '../observe/sink.ts'
import { asErrno } from './errors.ts'
import { Master } from './master.ts'
import { ProgramLog } from './output/log-files.ts'
import { Narrator } from './output/narrator.ts'
import { PROGRAMS, type Programs } from './paths.ts'
import { type ConfigSource, unread } from './source.ts'

/**
 * Serves until it is told to stop. Resolves with the exit code: 0 stopped as asked, 1 failed at run time, 3 an application could not be
 * loaded, and none serves. Then the caller ends the process: a write to a log whose reader is stuck may still be pending.
 */
export async function runMaster(
  config: Config,
  programs: Programs = PROGRAMS,
  source: ConfigSource = unread(),
): Promise<number> {
  let log: ProgramLog
  try {
    log = new ProgramLog(config)
  } catch (error) {
    const { code, message } = asErrno(error)
    // An error of our own has no code, and its message says everything.
    const why =
      code === undefined ? message : `cannot write the log ${config.logFile} (${code}): ${LOG_ADVICE} with --log-file`
    writeSync(2, `jumak: ${why}\n`)
    return 1
  }
  await log.openRemote(config)
  const code = await new Master(config, programs, new Narrator(log.log, config), log, source).run()
  await log.close(code)
  return code
}
