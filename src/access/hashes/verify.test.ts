import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePasswordHash } from '../password-hash.ts'
import { isPassword } from './verify.ts'

/** Made by `openssl passwd`, crypt(3) and argon2-cffi. */
const MADE: readonly (readonly [hash: string, password: string])[] = [
  ['{PLAIN}open: sesame', 'open: sesame'],
  ['{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', 'secret'],
  ['{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0', 'secret'],
  ['$apr1$aB3./xyz$4w.XAl3Mr4qXmLWObj1R..', 'secret'],
  ['$apr1$aB3./xyz$vCsib6Y4gm0GHfEBMmdG3/', 'pässword with blanks'],
  ['$apr1$aB3./xyz$AcKFkAM3uJXVl9NUi92eD.', ''],
  ['$1$aB3./xyz$938JhVVyB2adgwU2XSSkB/', 'secret'],
  ['$5$aB3./xyz$c6MdaCF6JIy6/1u2FdfYUivyjPGI8f9vi.kZa7VDLUA', 'secret'],
  ['$5$aB3./xyz$lhxRdGfOxBCgmP7cNhOoTMfzC4vI3saH3GLMdoLBID0', 'pässword with blanks'],
  ['$5$rounds=1000$s$1G5532wclKO2DGU0xcX3Rd6BmCQw9FWjZAp9VdiPyK3', 'secret'],
  [
    '$6$rounds=1200$saltsalt$xbr9HBARqH0YxPS2NZgINQ/kPjotuGKzvTMltvdQ4YSjkj/Dy26WC5RPFw1CGf6HUUU1tWo0NDGItpyE65UPl.',
    'secret',
  ],
  [
    '$6$aB3./xyz$y9inQ4/T.tBRVSBqhQ7tnXozHcv6PUx3ZelKPpySHQMAVJdST8Co4ikqXnxxwkODO4HSgCHH4VEea8axpBrhG0',
    'pässword with blanks',
  ],
  ['$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW', 'secret'],
  ['$2y$04$abcdefghijklmnopqrstuu4jeZGsObv/sTy2Hr2SSMr7hmavWqO7S', 'pässword with blanks'],
  ['$argon2id$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$9s+g1tQvNSKxSayAdR52PiTXFN+SWRCBDL5N56kGgE4', 'secret'],
  ['$argon2i$v=19$m=32,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$ikkEKF59kCwibu4RKqzgkYeTg14XbpsrGk6lMloTzEA', 'pässword'],
]

test('passwords of other programs are right, and others are wrong', () => {
  for (const [hash, password] of MADE) {
    const parsed = parsePasswordHash(hash)
    if ('problem' in parsed) assert.fail(`${hash} ${parsed.problem}`)
    assert.equal(isPassword(Buffer.from(password), parsed), true, hash)
    for (const wrong of [`${password}x`, password.toUpperCase() || 'x', password.slice(1) || 'y'])
      assert.equal(isPassword(Buffer.from(wrong), parsed), false, `${hash} ${wrong}`)
  }
})

test('long passwords and salts of all lengths end', () => {
  for (const bits of [256, 512] as const)
    for (const length of [0, 1, 31, 63, 64, 65, 512])
      isPassword(Buffer.alloc(length, 'x'), { kind: 'sha-crypt', bits, rounds: 1000, salt: '', digest: '' })
})
