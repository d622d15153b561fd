/**
 * Records how long a message takes from one thread to another that sleeps, and writes wake-ups.json, from which the simulation draws.
 *
 *     chrt -f 30 sh scripts/node src/shared/testing/record-wake-ups.ts
 *
 * Two worker threads have a MessagePort between them, as two threads of the gateway have. One posts the time every 20 to 60 µs; the other
 * one sleeps in its event loop until the message arrives, and takes the difference. The pauses are short, as on a busy server: a core that
 * has slept for longer takes 30 µs more to wake on a virtual machine. `chrt` keeps what else runs on the machine out of the figures.
 * The file has quantiles, not samples: each of the 1000 values stands for a thousandth of them, in microseconds.
 */
import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { isMainThread, MessageChannel, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads'

const SAMPLES = 50_000
/** The first ones run code that is not compiled yet. */
const WARM_UP = 2_000
const QUANTILES = 1000
const SHORTEST_PAUSE = 20
const LONGEST_PAUSE = 60

const micros = (): number => Number(process.hrtime.bigint() / 10n) / 100

/** Posts the time again and again. A timer is no finer than a millisecond, so this thread stays awake. */
function send(port: MessagePort): void {
  let left = SAMPLES + WARM_UP
  let at = 0
  const turn = (): void => {
    if (micros() >= at) {
      at = micros() + SHORTEST_PAUSE + Math.random() * (LONGEST_PAUSE - SHORTEST_PAUSE)
      port.postMessage(micros())
      left--
    }
    if (left > 0) setImmediate(turn)
    else port.postMessage(0)
  }
  turn()
}

function receive(port: MessagePort): void {
  const samples: number[] = []
  port.on('message', (sentAt: number) => {
    if (sentAt > 0) samples.push(micros() - sentAt)
    else {
      port.close()
      parentPort!.postMessage(samples.slice(WARM_UP))
    }
  })
}

function write(samples: readonly number[]): void {
  const sorted = samples.toSorted((a, b) => a - b)
  const quantile = (share: number): number => Math.round(sorted[Math.floor(share * sorted.length)]! * 10) / 10
  const data = {
    what: 'microseconds from postMessage in one worker thread to the callback in another that sleeps; quantiles',
    made: `chrt -f 30 sh scripts/node src/shared/testing/record-wake-ups.ts: ${samples.length} samples`,
    machine: `Node ${process.versions.node}, Linux ${release()}, ${cpus().length} cores of ${cpus()[0]!.model}`,
    quantiles: Array.from({ length: QUANTILES }, (_, i) => quantile((i + 0.5) / QUANTILES)),
  }
  const path = join(import.meta.dirname, 'wake-ups.json')
  const lines = Object.entries(data).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  writeFileSync(path, `{\n${lines.join(',\n')}\n}\n`)
  const mean = data.quantiles.reduce((sum, one) => sum + one, 0) / QUANTILES
  console.log(`median ${quantile(0.5)}, mean ${mean.toFixed(1)}, 99 % ${quantile(0.99)}, longest ${sorted.at(-1)} µs`)
}

if (isMainThread) {
  const { port1, port2 } = new MessageChannel()
  const receiver = new Worker(new URL(import.meta.url), { workerData: { port: port1 }, transferList: [port1] })
  new Worker(new URL(import.meta.url), {
    workerData: { port: port2, isSender: true },
    transferList: [port2],
  })
  receiver.on('message', write)
} else if (workerData.isSender === true) send(workerData.port)
else receive(workerData.port)
