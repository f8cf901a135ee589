/**
 * The name under which a vault's checkpoints are signed. A vault that was restored from a backup may grow another
 * history than the one it was copied from, so each incarnation has its own: the id of the event that began it.
 *
 * @example
 * originOf(vaultId, '0198f2c4-…') // muniment/6f1b…/0198f2c4-…
 */
export function originOf(vaultId: Uint8Array, incarnation: string): string {
  return `muniment/${Buffer.from(vaultId).toString('hex')}/${incarnation}`
}

/** Whether checkpoints under this name are of the vault, in this life of it or an earlier one. */
export function isOriginOf(vaultId: Uint8Array, origin: string): boolean {
  return origin.startsWith(originOf(vaultId, ''))
}
