import { resolve } from 'node:path'
import { recoveryKey } from '../../../keys/recovery.ts'
import type { VaultAsOf } from '../../as-of.ts'
import { writeBackup } from '../../backup.ts'
import type { Export } from '../../export.ts'
import type { Keyslot } from '../../keyslots.ts'
import type { RotateOptions } from '../../write.ts'
import { isGenerator } from '../../write.ts'
import type { ControlledVault } from '../controlled-vault.ts'
import { sentValue } from '../sent-value.ts'
import { type VerbName, verbs } from '../verbs.ts'
import type { Connection } from './connection.ts'
import { remoteReplay } from './remote-replay.ts'
import { remoteReports } from './remote-reports.ts'

/** A vault that another process has open, as a connection to it gives it. */
export function remoteVault(connection: Connection): ControlledVault {
  const sent = sentVerbs(connection)
  const vault: ControlledVault = {
    ...sent,
    asOf: async (moment, pass = {}) =>
      thenOf(connection, await connection.answer('asOf', [moment, pass])),
    rotate: async (path, value, options = {}) => {
      const type = isGenerator(value) ? (options.type ?? value.type) : options.type
      const typed: RotateOptions = { ...options, ...(type !== undefined && { type }) }
      const answer = await connection.answer('rotate', [path, await sentValue(value), typed])
      return answer as Awaited<ReturnType<ControlledVault['rotate']>>
    },
    export: async (prefix = '', options = {}) => {
      const items = connection.items('export', [prefix, options])
      const head = await items.next()
      return { ...Object(head.value), entries: items as Export['entries'] }
    },
    backup: async (path, options = {}) => {
      const bytes = connection.items('backup', [options])
      return writeBackup(path, bytes as AsyncIterable<Uint8Array>)
    },
    replay: remoteReplay(connection),
    reports: remoteReports(connection),
    keyslots: {
      ...sent.keyslots,
      addRecovery: async (options = {}) => {
        const { text, credential } = recoveryKey()
        return { ...((await sent.keyslots.add(credential, options)) as Keyslot), text }
      },
    },
    anchors: {
      ...sent.anchors,
      // As whoever names a file sees it, wherever the other process is.
      add: (place, options = {}) => {
        const isNamed = typeof place.file === 'string' && place.file !== ''
        return sent.anchors.add(isNamed ? { file: resolve(place.file) } : place, options)
      },
    },
    close: async () => connection.close(),
  }
  return vault
}

/** The verbs of the table, each of which sends its arguments as they are. */
function sentVerbs(connection: Connection): ControlledVault {
  const vault: Record<string, unknown> = {}
  for (const [name, { gives }] of verbs) {
    const verb = name as VerbName
    const [part = '', own] = name.split('.')
    const send =
      gives === 'items'
        ? (...args: readonly unknown[]) => connection.items(verb, args)
        : (...args: readonly unknown[]) => connection.answer(verb, args)
    if (own === undefined) vault[part] = send
    else vault[part] = { ...Object(vault[part]), [own]: send }
  }
  // What the table has to do with these types, a test holds.
  return vault as unknown as ControlledVault
}

/** The vault as it was: each look names the position. */
function thenOf(connection: Connection, found: unknown): VaultAsOf {
  const { position, time } = found as Pick<VaultAsOf, 'position' | 'time'>
  const then =
    (verb: VerbName) =>
    (...args: readonly unknown[]) =>
      connection.answer(verb, [position, ...args])
  return {
    position,
    time,
    exists: then('asOf.exists') as VaultAsOf['exists'],
    list: then('asOf.list') as VaultAsOf['list'],
    describe: then('asOf.describe') as VaultAsOf['describe'],
    history: then('asOf.history') as VaultAsOf['history'],
    read: then('asOf.read') as VaultAsOf['read'],
  }
}
