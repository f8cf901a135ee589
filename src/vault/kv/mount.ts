import { configureMount, type MountSettingsPatch } from '../../decide/kv.ts'
import { VaultError } from '../../errors.ts'
import { checkPath } from '../../events/path.ts'
import { nameBytesMax, rotateEveryMsMax, versionsMax } from '../../limits.ts'
import type { MountSettings } from '../../projections/mounts.ts'
import { type AccessChange, changePolicy, lookAtPolicy } from '../access-call.ts'
import type { CallOptions } from '../call.ts'
import type { Calls } from '../calls.ts'
import type { FoldedLog } from '../folded-log.ts'
import type { KvSettings } from './kv-shape.ts'

/** Returns a mount's name as it is, if it is one: a path of at most 128 bytes. Throws `INVALID`, `TOO_LARGE`. */
export function checkMount(mount: string): string {
  const found = Buffer.byteLength(checkPath(mount, 'mount'))
  if (found <= nameBytesMax) return mount
  const message = `mount: expected at most ${nameBytesMax} bytes, found ${found}`
  throw new VaultError('TOO_LARGE', message, { expected: nameBytesMax, found })
}

export async function mountSettings(
  calls: Calls,
  options: CallOptions,
  mount: string,
): Promise<KvSettings> {
  const look: typeof calls.inspect = (call, work) => calls.inspect(call, work)
  const [found] = await lookAtPolicy(look, options, (state) => [
    settingsOf({ state }, checkMount(mount)),
  ])
  return kvSettingsOf(found ?? {})
}

/** What holds for a mount by now. */
export function settingsOf({ state }: Pick<FoldedLog, 'state'>, mount: string): MountSettings {
  return state.mounts.fold.state.get(mount) ?? {}
}

/** Without a bound, none is said: 0, and false. */
export function kvSettingsOf(settings: MountSettings): KvSettings {
  const { maxVersions = 0, casRequired = false, expireAfter = 0 } = settings
  return { maxVersions, casRequired, expireAfter }
}

export async function changeMount(
  calls: Calls,
  options: CallOptions,
  { mount, settings }: { readonly mount: string; readonly settings: Partial<KvSettings> },
): Promise<AccessChange> {
  return changePolicy(calls, options, () => {
    const patch = { mount: checkMount(mount), settings: patchOf(settings) }
    return ({ mounts }) => configureMount(mounts.fold.state, patch)
  })
}

/** Checks settings and gives what an event holds of them: of 0, and of false, nothing. Throws `INVALID`. */
export function patchOf(settings: Partial<KvSettings>): MountSettingsPatch {
  const { maxVersions, casRequired, expireAfter } = settings
  return {
    ...(maxVersions !== undefined && {
      maxVersions: boundOf('maxVersions', maxVersions, versionsMax),
    }),
    ...(casRequired !== undefined && { casRequired: flagOf('casRequired', casRequired) }),
    ...(expireAfter !== undefined && {
      expireAfter: boundOf('expireAfter', expireAfter, rotateEveryMsMax),
    }),
  }
}

function boundOf(name: string, value: number, most: number): number | null {
  if (Number.isSafeInteger(value) && value >= 0 && value <= most) return value === 0 ? null : value
  throw new VaultError('INVALID', `${name} must be an integer from 0 to ${most}`)
}

function flagOf(name: string, value: boolean): true | null {
  if (typeof value === 'boolean') return value || null
  throw new VaultError('INVALID', `${name} must be true or false`)
}
