/**
 * Loaded into Jumak's Node processes by `npm run profile` (NODE_OPTIONS). In the gateway, SIGUSR2 starts V8's profiler, and the
 * next one stops it and writes `gateway-PID.json` into PROFILE_OF_JUMAK_DIRECTORY, complete from the moment that it is there.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

const SAMPLE_MICROSECONDS = 500

const directory = process.env['PROFILE_OF_JUMAK_DIRECTORY']
if (directory !== undefined && process.argv[1]?.endsWith('/gateway/main.ts')) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS })
  let isRunning = false
  process.on('SIGUSR2', () => {
    isRunning = !isRunning
    if (isRunning) {
      session.post('Profiler.start')
      return
    }
    session.post('Profiler.stop', (error, result) => {
      const path = `${directory}/gateway-${process.pid}.json`
      writeFileSync(`${path}.part`, JSON.stringify(error ?? result.profile))
      renameSync(`${path}.part`, path)
    })
  })
}
