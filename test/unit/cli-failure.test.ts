import { afterEach, expect, it, vi } from 'vitest'
import { tell } from '../../src/cli/failure.ts'
import { VaultError } from '../../src/index.ts'

afterEach(() => vi.restoreAllMocks())

function toldOf(error: unknown): { error: { hint?: string } } {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  tell(error, { json: true })
  return JSON.parse(String(write.mock.calls[0]?.[0]))
}

it('a full disk is the one that was written to, which need not be that of the vault', () => {
  const elsewhere = new VaultError('NO_SPACE', 'could not write', { path: '/audit/q1.pdf' })
  expect(toldOf(elsewhere).error.hint).toBe(
    'free some space on the disk of /audit/q1.pdf; nothing was lost',
  )
})

it('a full disk is that of the vault where the failure names no other', () => {
  expect(toldOf(new VaultError('NO_SPACE', 'full')).error.hint).toBe(
    'free some space on the disk of the vault; nothing was lost',
  )
})

it.each([
  ['ECONNREFUSED', 'is it running'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS'],
  ['CERT_HAS_EXPIRED', 'NODE_EXTRA_CA_CERTS'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'the server may not speak TLS'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'the server may not speak TLS'],
])('a server that is not reached, for %s, has a hint of its own', (code, hint) => {
  // As `fetch` has it: what it was stands in the cause of its failure.
  const cause = new TypeError('fetch failed', { cause: Object.assign(new Error(), { code }) })
  const message = 'https://vault.internal:8200 cannot be reached'
  expect(toldOf(new VaultError('CLOSED', message, { cause })).error.hint).toContain(hint)
})

it.each([
  ['CLOSED', 'the vault was closed', undefined],
  ['DENIED', 'read of prod/db is not allowed', undefined],
  ['NOT_FOUND', 'prod/db does not exist', undefined],
  ['NOT_FOUND', 'there is no vault at /srv/vault', 'muniment init'],
  ['DENIED', 'no token that holds was shown', '--token-file FILE'],
  ['UNSUPPORTED', 'what answers is no server of a vault: it answered 404', 'MUNIMENT_ADDR'],
  ['UNSUPPORTED', 'of a later release', 'use the release of muniment that wrote it'],
] as const)('%s, %s, is not taken for what it is not', (code, message, hint) => {
  const told = toldOf(new VaultError(code, message)).error.hint
  if (hint === undefined) expect(told).toBeUndefined()
  else expect(told).toContain(hint)
})
