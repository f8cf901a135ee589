import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Appended, Vault } from '../../../index.ts'

/** What a vault tells as it goes on, by `diagnostics_channel`. */
export interface VaultListener {
  appended(message: Appended): void
  refused(cause: string): void
}

/**
 * Listens to the vault that `vault` gives at the time, and to no other of this process: its appends bear its id, and tell
 * where it is, by which its refusals are known.
 */
export function watchVault(vault: () => Vault | undefined, listener: VaultListener): () => void {
  const ids = new WeakMap<Vault, string>()
  let location: string | undefined
  const idOf = (open: Vault | undefined): string | undefined => {
    if (open === undefined) return undefined
    const id = ids.get(open) ?? identityOf(open)
    if (id !== undefined) ids.set(open, id)
    return id
  }
  const onAppend = (message: unknown) => {
    const appended = message as Appended
    if (appended.vault !== idOf(vault())) return
    location = appended.location
    listener.appended(appended)
  }
  const onDenied = (message: unknown) => {
    const denied = message as { readonly location: string; readonly cause: string }
    if (denied.location === location) listener.refused(denied.cause)
  }
  subscribe('muniment:append', onAppend)
  subscribe('muniment:denied', onDenied)
  return () => {
    unsubscribe('muniment:append', onAppend)
    unsubscribe('muniment:denied', onDenied)
  }
}

/** One that has failed or is closed says nothing. */
function identityOf(vault: Vault): string | undefined {
  try {
    return vault.identity().id
  } catch {
    return undefined
  }
}
