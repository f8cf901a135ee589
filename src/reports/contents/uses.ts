import type { VaultEvent } from '../../events/catalogue.ts'

/** How often something was used, and when last. */
export interface Use {
  readonly count: number
  readonly last: number
  /** Of the last event. */
  readonly position: number
}

export function used(before: Use | undefined, { time, position }: VaultEvent): Use {
  return { count: (before?.count ?? 0) + 1, last: time, position }
}

/** A rule of a policy that was written again is another one: the event that wrote it tells them apart. */
export function ruleKey(rule: string, policy: number | undefined): string {
  return `${rule}\0${policy ?? ''}`
}
