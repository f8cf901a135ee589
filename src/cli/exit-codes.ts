import type { VaultErrorCode } from '../index.ts'

/** What a script can tell a failure by: one exit code for each thing that it might do about it. */
export const exitCodes = {
  ok: 0,
  /** A defect of ours. */
  defect: 1,
  usage: 2,
  denied: 3,
  notFound: 4,
  conflict: 5,
  locked: 6,
  integrity: 7,
  /** Expired, not yet valid, deleted or destroyed. */
  gone: 8,
  io: 9,
  findings: 10,
  /** Ctrl-C: 128 and the number of SIGINT, as a shell has it. */
  interrupted: 130,
} as const

export const exitCodeOf = {
  INVALID: exitCodes.usage,
  TOO_LARGE: exitCodes.usage,
  UNSUPPORTED: exitCodes.usage,
  DENIED: exitCodes.denied,
  AUDITOR_ONLY: exitCodes.denied,
  NOT_FOUND: exitCodes.notFound,
  EXISTS: exitCodes.conflict,
  CONFLICT: exitCodes.conflict,
  WRONG_KEY: exitCodes.locked,
  IN_USE: exitCodes.locked,
  INTEGRITY: exitCodes.integrity,
  DELETED: exitCodes.gone,
  DESTROYED: exitCodes.gone,
  EXPIRED: exitCodes.gone,
  NOT_YET_VALID: exitCodes.gone,
  CLOSED: exitCodes.io,
  FAILED: exitCodes.io,
  UNCERTAIN: exitCodes.io,
  CLOCK: exitCodes.io,
  TIMEOUT: exitCodes.io,
  ABORTED: exitCodes.io,
  NO_SPACE: exitCodes.io,
} as const satisfies Record<VaultErrorCode, number>

/** What to try next, where the message alone does not say it. */
export const hints: Partial<Record<VaultErrorCode, string>> = {
  WRONG_KEY:
    'check which passphrase this vault was made with; a recovery key works in its place, in the same file or prompt',
  IN_USE:
    'stop the process that has it open, or wait for it: --wait 30s; or have it serve the vault, see docs/cli.md',
  CLOCK:
    'correct the clock of this machine; if it is right and the log is ahead of it: --accept-clock',
  NO_SPACE: 'free some space on the disk of the vault; nothing was lost',
  EXPIRED: 'rotate it, or read it all the same: --allow-expired --reason "…"',
  DELETED: 'bring it back: muniment restore PATH --version N',
  UNCERTAIN: 'look whether it landed: muniment audit --after POSITION, or muniment history PATH',
  INTEGRITY:
    'keep this folder as it is, for whoever looks into it, and restore the newest backup elsewhere',
  UNSUPPORTED: 'use the release of muniment that wrote it, or a newer one',
}
