import { defineProjection } from './projection.ts'

/** What holds for the secrets of a mount besides what they say themselves; absent is no bound. */
export interface MountSettings {
  /** Versions that each keeps. */
  readonly maxVersions?: number
  readonly casRequired?: boolean
  /** Milliseconds after which each new value expires. */
  readonly expireAfter?: number
}

export interface MountRow extends MountSettings {
  /** Of the event that configured it as it is. */
  readonly position: number
}

/** By mount. */
export type MountsState = Map<string, MountRow>

/** The settings of mounts of the wire that were configured. */
export const mounts = defineProjection<MountsState>({
  name: 'mounts',
  version: 1,
  initial: () => new Map(),
  on: {
    'mount.configured': (rows, { data, position }) => {
      const { mount, ...settings } = data
      rows.set(mount, { ...settings, position })
    },
  },
})
