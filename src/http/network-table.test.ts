import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { test } from 'node:test'
import { NetworkTable } from './network-table.ts'

test('a table of networks says the same as a list of networks that are compared one by one', () => {
  // Every eleventh address of few networks, so that they contain each other and touch.
  const networks: [string, number][] = []
  for (let i = 0; i < 200; i++) {
    const bits = 8 + ((i * 7) % 25)
    networks.push([`10.${(i * 37) % 8}.${(i * 11) % 256}.${(i * 53) % 256}/${bits}`, bits])
    networks.push([`2001:db8:${((i * 37) % 8).toString(16)}::${((i * 53) % 256).toString(16)}/${bits * 4}`, bits * 4])
  }
  const table = new NetworkTable<number>(networks, -1)
  const blocks = networks.map(([network, bits]) => {
    const block = new BlockList()
    const [address = ''] = network.split('/')
    block.addSubnet(address, bits, address.includes(':') ? 'ipv6' : 'ipv4')
    return { block, bits }
  })
  for (let i = 0; i < 300; i++) {
    for (const [address, family] of [
      [`10.${i % 9}.${(i * 11) % 256}.${(i * 29) % 256}`, 'ipv4'],
      [`2001:db8:${(i % 9).toString(16)}::${((i * 53) % 300).toString(16)}`, 'ipv6'],
    ] as const) {
      const found = blocks.filter(({ block }) => block.check(address, family)).map(({ bits }) => bits)
      assert.equal(table.find(address), Math.max(-1, ...found), address)
    }
  }
  assert.equal(table.find('not an address'), null)
})
