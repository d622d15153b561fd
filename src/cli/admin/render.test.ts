import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { CertificateStatus } from '../../control/admin-messages.ts'
import { exampleApp, exampleRequest, exampleStatus, exampleWorker } from '../../control/testing/example-status.ts'
import { describeTerminal } from '../terminal.ts'
import { renderStatus } from './render.ts'

const wide = describeTerminal({ columns: 120 }, {})

test('three applications on 80 columns', () => {
  assert.equal(
    renderStatus(exampleStatus(), describeTerminal({ columns: 80 }, {})),
    `\
Jumak 0.1.0   ready   up 3 h   512 MB   22 % CPU   http://127.0.0.1:8000
gateway       12 connections   2 running   3 waiting   up 3 h   84 MB   3 % CPU

  NAME             STATE      AGE  REQUESTS  MEMORY  CPU  NOW
● shop             ready             12,480  168 MB  8 %  12/s, 1 running
  /shop · shop.wsgi:application · Django 5.2.1 · Python 3.13.1 · generation 1
  worker 1         serving    3 h     3,120   42 MB  2 %  1.2 s GET /shop/check…
  worker 2         serving    3 h     3,120   42 MB  2 %
  worker 3         serving    3 h     3,120   42 MB  2 %
  worker 4 export  serving    3 h         9   42 MB  2 %  95 s GET /shop/export…
● api              reloading         12,480  168 MB  8 %  12/s, 1 running
  api.example.kr · api:app · FastAPI 0.115.0 · Python 3.13.1 · generation 2 · g…
  worker 5         serving    3 h     3,120   42 MB  2 %
  worker 9 (3)     held       3 s         –   42 MB  2 %
● admin            failing                0       –    –  0.0/s, 3 waiting
  0 of 2 workers · /admin · admin.wsgi:application · Django 5.2.1 · Python 3.13…
  worker 7 exited with code 1 after 120 ms; 4 died early in a row, the next is
  started in 8 s
`,
  )
})

test('connections that speak HTTP/2 are told with their streams', () => {
  const { gateway } = exampleStatus()
  const lineOf = (streams: number) => {
    const traffic = { ...gateway!.traffic!, http2Connections: 3, streams }
    return renderStatus(exampleStatus({ gateway: { ...gateway!, traffic } }), wide).split('\n')[1]!
  }
  assert.match(lineOf(40), /^gateway +12 connections \(3 HTTP\/2 with 40 streams\) {3}2 running/)
  assert.match(lineOf(1), /\(3 HTTP\/2 with 1 stream\)/)
})

const exampleCertificate = (changes: Partial<CertificateStatus> = {}): CertificateStatus => ({
  names: ['example.kr', '*.example.kr'],
  validTo: '2027-02-28T09:30:00.000Z',
  daysLeft: 90,
  problem: '',
  ...changes,
})

test('certificates: their end, and what is wrong with new files', () => {
  const certificates = [
    exampleCertificate({
      problem: `tls-key /etc/jumak/site.key: it is the key of another certificate than that of a.kr`,
    }),
    exampleCertificate({ daysLeft: -2 }),
    exampleCertificate({ daysLeft: 1 }),
    exampleCertificate(),
    exampleCertificate(),
  ]
  const lines = renderStatus(exampleStatus({ certificates }), describeTerminal({ columns: 80 }, {})).split('\n')
  assert.equal(
    lines.slice(2, 8).join('\n'),
    `\
certificate   example.kr, *.example.kr   until 2027-02-28, 90 days
  tls-key /etc/jumak/site.key: it is the key of another certificate than that of
  a.kr
certificate   example.kr, *.example.kr   expired on 2027-02-28
certificate   example.kr, *.example.kr   until 2027-02-28, 1 day
              and 2 more`,
  )
  const { certificates: _, ...older } = exampleStatus()
  assert.doesNotMatch(renderStatus(older, wide), /certificate/)
})

for (const columns of [40, 60, 80, 100, 120])
  test(`no line is wider than the terminal: ${columns}`, () => {
    const terminal = describeTerminal({ columns }, {})
    const long = exampleApp('a-name-of-thirty-two-characters-x', {
      path: `/${'long'.repeat(100)}`,
      problem: `${'x'.repeat(300)} and more`,
      workers: [
        exampleWorker(123456, {
          pool: 'a-pool-with-a-long-name',
          traffic: { answered: 1e9, running: 1, requests: [exampleRequest({ path: `/${'p'.repeat(199)}` })] },
        }),
      ],
    })
    for (const line of renderStatus(
      exampleStatus({
        apps: [long],
        listeners: ['http://x'.repeat(30)],
        certificates: [exampleCertificate({ names: ['name.example'.repeat(30)], problem: 'y'.repeat(300) })],
      }),
      terminal,
    ).split('\n'))
      assert.ok(line.length <= terminal.width, `${line.length}: ${line}`)
  })

test('three applications with four workers each fit one screen of 24 lines', () => {
  const apps = ['shop', 'api', 'admin'].map(name => exampleApp(name))
  assert.ok(renderStatus(exampleStatus({ apps }), wide).trimEnd().split('\n').length <= 24)
})

test('a narrow terminal has what a worker runs below it', () => {
  const text = renderStatus(exampleStatus(), describeTerminal({ columns: 60 }, {}))
  assert.match(text, /^ {2}worker 1 .*\n {4}1\.2 s GET \/shop\/checkout\/$/m)
})

test('three requests of a worker are shown, the rest is counted', () => {
  const requests = [4000, 3000, 2000, 1000].map(milliseconds => exampleRequest({ milliseconds }))
  const apps = [
    exampleApp('shop', { workers: [exampleWorker(1, { traffic: { answered: 1, running: 1002, requests } })] }),
  ]
  const text = renderStatus(exampleStatus({ apps }), wide)
  assert.deepEqual(text.match(/\S+ s GET/g), ['4.0 s GET', '3.0 s GET', '2.0 s GET'])
  assert.match(text, /^ +and 999 more$/m)
})

test('a terminal obeys nothing of a path', () => {
  const requests = [exampleRequest({ path: '/\x1b[2J\u202e\n\x9b', method: 'G\rET', state: 'streaming' })]
  const apps = [exampleApp('shop', { workers: [exampleWorker(1, { traffic: { answered: 1, running: 1, requests } })] })]
  const text = renderStatus(exampleStatus({ apps }), wide)
  assert.match(text, /1\.2 s G\\x0dET \/\\x1b\[2J\\x202e \\x9b \(streaming\)/)
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
})

test('a gateway that has died, or does not answer, is told', () => {
  assert.match(renderStatus(exampleStatus({ gateway: null }), wide), /^gateway +is gone, and is started again/m)
  const { gateway } = exampleStatus()
  const silent = exampleStatus({
    gateway: { ...gateway!, traffic: null },
    apps: [exampleApp('shop', { traffic: null })],
  })
  assert.match(renderStatus(silent, wide), /^gateway +does not answer/m)
})

test('colours change nothing but the colour', () => {
  const coloured = renderStatus(exampleStatus(), describeTerminal({ isTTY: true, columns: 100 }, {}))
  assert.notEqual(coloured, stripVTControlCharacters(coloured))
  assert.equal(
    stripVTControlCharacters(coloured),
    renderStatus(exampleStatus(), describeTerminal({ columns: 100 }, {})),
  )
})
