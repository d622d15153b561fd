import assert from 'node:assert/strict'
import { test } from 'node:test'
import { usageTable } from './report.ts'
import { parsePerfStat, parseStrace } from './system-calls.ts'

test('counts of perf stat: those that occurred', () => {
  const text = `884,,syscalls:sys_enter_recvfrom,534832804,100.00,,
0,,syscalls:sys_enter_socket,534832804,100.00,,
1358,,syscalls:sys_enter_sendto,534832804,100.00,,
<not counted>,,syscalls:sys_enter_read,0,100.00,,
`
  assert.deepEqual(
    [...parsePerfStat(text)],
    [
      ['recvfrom', 884],
      ['sendto', 1358],
    ],
  )
})

test('counts of strace -c: with and without errors, without the sum', () => {
  const text = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 83.00    0.000083          27         3           mprotect
  0.00    0.000000           0         2         1 access
  0.00    0.000000           0         2           pread64
------ ----------- ----------- --------- --------- ----------------
100.00    0.000697           4       148        26 total
`
  assert.deepEqual(
    [...parseStrace(text)],
    [
      ['mprotect', 3],
      ['access', 2],
      ['pread64', 2],
    ],
  )
})

test('the table is per request, and names the common calls', () => {
  const usage = new Map([
    ['gateway', { user: 20_000, system: 10_000, wakeUps: 500, preempted: 0 }],
    ['master', { user: 0, system: 0, wakeUps: 1, preempted: 0 }],
  ])
  const calls = new Map([
    [
      'gateway',
      new Map([
        ['read', 4000],
        ['brk', 1],
        ['write', 6000],
      ]),
    ],
  ])
  const rows = usageTable(usage, 1000, calls, 4000)
    .split('\n')
    .map(line => line.trim().replace(/\s{2,}/g, ' | '))
  assert.deepEqual(rows, [
    'per request | gateway | master',
    'CPU µs, own code | 20.0 | 0.0',
    'CPU µs, in the kernel | 10.0 | 0.0',
    'CPU µs | 30.0 | 0.0',
    'wake-ups | 0.500 | 0.001',
    'preempted | 0.000 | 0.000',
    'system calls | 2.500',
    'write | 1.500',
    'read | 1.000',
    'others | 0.000',
  ])
})
