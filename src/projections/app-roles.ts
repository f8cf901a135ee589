import type { EventData } from '../events/catalogue.ts'
import { deepFrozen } from './deep-frozen.ts'
import { defineProjection } from './projection.ts'

type AppRoleFacts = EventData['approle.written']

export interface AppRoleRow extends AppRoleFacts {
  /** Of the event that wrote it as it is. */
  readonly position: number
  /** Milliseconds since the epoch. */
  readonly writtenAt: number
  readonly writtenBy: string
}

/** By name. */
export type AppRolesState = Map<string, AppRoleRow>

/** The applications that log in by themselves. */
export const appRoles = defineProjection<AppRolesState>({
  name: 'app-roles',
  version: 1,
  initial: () => new Map(),
  on: {
    'approle.written': (rows, { data, position, time, actor }) => {
      rows.set(data.name, deepFrozen({ ...data, position, writtenAt: time, writtenBy: actor }))
    },
    'approle.removed': (rows, { data }) => {
      rows.delete(data.name)
    },
  },
})
