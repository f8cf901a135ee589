import type { Served } from '../served.ts'

/** What clients show for the vault that answers, while it is open: a name, and its id as a UUID. */
export function clusterOf(served: Served): object {
  if (served.state !== 'open') return {}
  try {
    const { id } = served.vault().identity()
    const parts = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(id)?.slice(1) ?? []
    return { cluster_name: 'muniment', cluster_id: parts.join('-') }
  } catch {
    // Sealed meanwhile, or failed: then it does not say.
    return {}
  }
}
