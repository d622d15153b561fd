/** `npm run test:differential`: other servers beside Jumak (`test/differential/`). `npm test` does not run it: it installs these servers. */
process.argv.push('test/differential/*.test.ts')
await import('./test.ts')
