import { checkPolicyNames } from '../../access/policy.ts'
import { defined } from '../../defined.ts'
import { VaultError } from '../../errors.ts'
import { checkActor } from '../../events/path.ts'
import { handedOutMsMax, tagKeyBytesMax, tagsMax, tagValueBytesMax } from '../../limits.ts'
import type { Call } from '../call.ts'

/*
 * The arguments of tokens and applications: each of these gives back what the log is to hold, and throws `INVALID` or
 * `TOO_LARGE`, naming the argument. None of their messages holds a token or a secret id.
 */

export function checkDuration(argument: string, ms: number | undefined): number | undefined {
  return checkInteger(argument, ms, { most: handedOutMsMax, unit: ' milliseconds' })
}

export function checkCount(argument: string, count: number | undefined): number | undefined {
  return checkInteger(argument, count, { most: 2 ** 31 - 1, unit: '' })
}

function checkInteger(
  argument: string,
  value: number | undefined,
  { most, unit }: { readonly most: number; readonly unit: string },
): number | undefined {
  if (value === undefined) return undefined
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value
  throw new VaultError('INVALID', `${argument} must be an integer from 1 to ${most}${unit}`)
}

/** Of an event; -1 for none. */
export function checkPosition(argument: string, position: number | undefined): number | undefined {
  if (position === undefined || (Number.isSafeInteger(position) && position >= -1)) return position
  throw new VaultError('INVALID', `${argument} must be an integer from -1 on`)
}

const textForm = /^[!-~]{4,256}$/

/** Whether a text can have been handed out. */
export function isHandedOut(text: unknown): text is string {
  return typeof text === 'string' && textForm.test(text)
}

const textCharsMin = 4
/** Of whoever is held to policy, as every caller over the wire is: what is short is soon guessed. */
const scopedTextCharsMin = 16

/**
 * A token or a secret id that the caller brings. The vault's host and its owners may choose a short one, such as the
 * `root` of a vault to try things on: they could as well show the vault itself to anybody.
 */
export function checkOwnText(
  argument: string,
  text: string | undefined,
  { permit }: Pick<Call, 'permit'>,
): string | undefined {
  if (text === undefined) return undefined
  const least = permit === undefined ? textCharsMin : scopedTextCharsMin
  if (isHandedOut(text) && text.length >= least) return text
  const expected = `${least} to 256 printable ASCII characters`
  throw new VaultError('INVALID', `${argument} must be ${expected}`)
}

const roleIdForm = /^[!-~]{4,128}$/

export function checkRoleId(roleId: string | undefined): string | undefined {
  if (roleId === undefined || (typeof roleId === 'string' && roleIdForm.test(roleId))) return roleId
  throw new VaultError('INVALID', 'roleId must be 4 to 128 printable ASCII characters')
}

const accessorForm = /^[0-9a-f]{32}$/

export function checkAccessor(accessor: string): string {
  if (typeof accessor === 'string' && accessorForm.test(accessor)) return accessor
  throw new VaultError('INVALID', 'accessor must be 32 hexadecimal digits')
}

export function checkFlag(argument: string, flag: boolean | undefined): boolean | undefined {
  if (flag === undefined || typeof flag === 'boolean') return flag
  throw new VaultError('INVALID', `${argument} must be true or false`)
}

const labelBytesMax = 512

export function checkLabel(label: string | undefined): string | undefined {
  return label === undefined ? undefined : checkWords('label', label, labelBytesMax)
}

export function checkMeta(
  meta: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  if (meta === undefined) return undefined
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) {
    throw new VaultError('INVALID', 'meta must be an object of strings')
  }
  const entries = Object.entries(meta)
  if (entries.length > tagsMax) {
    const message = `meta takes at most ${tagsMax} entries, not ${entries.length}`
    throw new VaultError('TOO_LARGE', message, { expected: tagsMax, found: entries.length })
  }
  return Object.fromEntries(entries.map(checkEntry))
}

function checkEntry([key, value]: readonly [string, string]): readonly [string, string] {
  if (key === '' || key === '__proto__') {
    throw new VaultError('INVALID', 'meta has a key that is no name')
  }
  checkWords('a key of meta', key, tagKeyBytesMax)
  return [key, checkWords('a value of meta', value, tagValueBytesMax)]
}

function checkWords(argument: string, text: string, most: number): string {
  if (typeof text !== 'string' || !text.isWellFormed()) {
    throw new VaultError('INVALID', `${argument} must be a string of well-formed text`)
  }
  const bytes = Buffer.byteLength(text)
  if (bytes <= most) return text
  const message = `${argument} takes at most ${most} bytes, not ${bytes}`
  throw new VaultError('TOO_LARGE', message, { expected: most, found: bytes })
}

/** As whom something is to let its bearer act. */
export function checkBearer({
  actor,
  policies,
}: {
  readonly actor: string | undefined
  readonly policies: readonly string[] | undefined
}) {
  return defined({
    actor: actor === undefined ? undefined : checkActor(actor),
    policies: policies === undefined ? undefined : checkPolicyNames(policies),
  })
}
