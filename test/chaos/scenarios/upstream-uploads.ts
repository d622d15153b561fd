/**
 * Uploads that servers behind the program answer early, late, by halves or not at all, from clients that leave in the middle, over shared
 * connections: each response is whole and its own, and none is waited for in vain.
 */
import type { ServerResponse } from 'node:http'
import { crc32 } from 'node:zlib'
import { RawClient } from '../../support/raw-client.ts'
import type { Target } from '../../support/target.ts'
import { groupOf, withBackends } from '../backend.ts'
import { noCounts } from '../load.ts'
import type { Report, Scenario } from '../scenario.ts'
import { onStage } from '../stage.ts'

const UPLOADS = Number(process.env['CHAOS_UPLOADS'] ?? 5000)
const CLIENTS = 16
/** Bytes; more than what the kernel and the program keep of one. */
const MOST = 1_000_000
const MAX_PROBLEMS = 10

/** What a server does with an upload, and whether its response is whole. */
const WAYS = ['as usual', 'early', 'early, then closes', 'both at once', 'as usual', 'dies early', 'dies late'] as const
type Way = (typeof WAYS)[number]
const DIES: readonly Way[] = ['dies early', 'dies late']

export const UPSTREAM_UPLOADS: readonly Scenario[] = [
  {
    name: 'upstream-uploads',
    fault: 'early answers to uploads; servers and clients break off',
    run: report =>
      withBackends(
        2,
        ports =>
          `${groupOf(ports, 'max-fails=0')}keepalive = 8\n[[site]]\nlocations = [{ match = "/", proxy = "http://back" }]\n`,
        (file, backends) => {
          for (const backend of backends) backend.answerWith(answer)
          const options = { interface: 'asgi', args: ['-c', file], hasLoad: false } as const
          return onStage(report, options, ({ server }) => upload(server.target, report))
        },
      ),
  },
]

const wayOf = (number: number): Way => WAYS[number % WAYS.length]!
/** Small ones, too: those are over before an early answer comes. */
const contentOf = (number: number) =>
  Buffer.alloc(number % 3 === 0 ? number % 1000 : (number * 7919) % MOST, `${number} `)

function answer(response: ServerResponse): void {
  const { req: request, socket } = response
  const number = Number(/\d+/.exec(request.url!)![0])
  const way = wayOf(number)
  const early = `early ${number}`
  if (way === 'early') {
    request.resume()
    response.end(early)
    return
  }
  if (way === 'early, then closes') {
    // Reads nothing: it closes with content of the client in its kernel, which resets the connection when it is many bytes.
    response.writeHead(200, { Connection: 'close', 'Content-Length': early.length })
    response.end(early)
    return
  }
  if (way === 'dies early') {
    request.once('data', () => socket!.destroy())
    if (contentOf(number).length === 0) socket!.destroy()
    return
  }
  let [length, check] = [0, 0]
  if (way === 'both at once') response.write(early)
  request.on('data', (data: Buffer) => {
    length += data.length
    check = crc32(data, check)
  })
  request.on('end', () => {
    if (way === 'both at once') response.end(` ${length} ${check}`)
    else if (way === 'dies late') {
      response.writeHead(200, { 'Content-Length': 1000 })
      response.write('half')
      setImmediate(() => socket?.destroy())
    } else response.end(`${number} ${length} ${check}`)
  })
}

function expectedOf(number: number): string {
  const way = wayOf(number)
  const content = contentOf(number)
  const all = `${content.length} ${crc32(content)}`
  if (way === 'early' || way === 'early, then closes') return `early ${number}`
  return way === 'both at once' ? `early ${number} ${all}` : `${number} ${all}`
}

async function upload(target: Target, report: Report): Promise<void> {
  const counts = noCounts()
  const problems: string[] = []
  let [next, left] = [0, 0]
  const lose = (why: string) => {
    counts.lost++
    if (problems.length < MAX_PROBLEMS) problems.push(`lost: ${why}`)
  }
  const client = async () => {
    let one = new RawClient(target)
    let before = ''
    while (next < UPLOADS) {
      const number = next++
      if (number % 500 === 0) report.progress(`${number} of ${UPLOADS} uploads`)
      const content = contentOf(number)
      counts.sent++
      one.send(`POST /${number} HTTP/1.1\r\nHost: a\r\nContent-Length: ${content.length}\r\n\r\n`)
      one.send(content.subarray(0, content.length / 2))
      if (number % 13 === 0) {
        // In the middle of its content, which the server may have answered.
        one.close()
        left++
        counts.cut++
        one = new RawClient(target)
        continue
      }
      one.send(content.subarray(content.length / 2))
      const response = await one.response().catch((error: Error) => error)
      const mayFail = DIES.includes(wayOf(number))
      if (response instanceof Error) {
        if (mayFail) counts.failed++
        else lose(`${number} (${wayOf(number)}, ${content.length} bytes)${before}: ${response.message.slice(0, 200)}`)
      } else if (response.status === 200 && response.body.toString() === expectedOf(number) && !mayFail)
        counts.answered++
      else if (response.status === 502 && mayFail) counts.failed++
      else
        lose(
          `${number} (${wayOf(number)}, ${content.length} bytes): ${response.status} ${response.body.toString('latin1', 0, 100)}`,
        )
      before = ` after ${number} (${wayOf(number)}, ${content.length} bytes)`
      if (response instanceof Error || response.header('connection') === 'close') {
        one.close()
        one = new RawClient(target)
        before = ''
      }
    }
    one.close()
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  report.add({ counts, problems })
  report.note(`${left} clients left in the middle of an upload`)
  report.injectedAs(left + counts.failed, UPLOADS / 5, 'uploads that one of the two sides broke off')
}
