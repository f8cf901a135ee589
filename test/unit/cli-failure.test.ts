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
