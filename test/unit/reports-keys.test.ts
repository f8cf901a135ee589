import { describe, expect, it } from 'vitest'
import { erasure } from '../../src/reports/contents/erasure.ts'
import { keys } from '../../src/reports/contents/keys.ts'
import type { GivenEvent } from '../../src/testing/given.ts'
import {
  created,
  day,
  gone,
  type MadeOf,
  origin,
  reportOf,
  slot,
  start,
  version,
  year,
} from '../fixtures/made-report.ts'

const at = (days: number) => start + days * day
const born: GivenEvent = { ...created, time: start }
const write = (days: number, subject: string, meta: Parameters<typeof version>[1] = {}) =>
  ({ type: 'secret.written', time: at(days), subject, data: version(1, meta) }) as const
const rotated = (days: number, what: 'log' | 'signing' | 'root', epoch: number): GivenEvent => ({
  type: 'keys.rotated',
  time: at(days),
  data: {
    what,
    epoch,
    generation: 2,
    ...(what !== 'log' && { key: new Uint8Array(32).fill(0xab) }),
  },
})
const shredded = (days: number, survivors: number): GivenEvent => ({
  type: 'keys.shredded',
  time: at(days),
  data: { generation: 2, epoch: 2, keys: survivors },
})

describe('the report of keys', () => {
  const of = (events: readonly GivenEvent[], about: MadeOf = {}) =>
    reportOf(keys, events, { now: at(10), ...about }).rows
  const named = (key: string, events: readonly GivenEvent[], about: MadeOf = {}) =>
    of(events, about).find((row) => row.key === key)

  it('has every key of a vault on its first day, and who holds it', () => {
    const auditor = { ...slot, slot: 'b', role: 'auditor', kind: 'shares', label: 'audit' } as const
    const rows = of([
      { ...born, type: 'vault.created', data: { ...created.data, keyslots: [slot, auditor] } },
    ])
    const common = { position: 0, created: start, state: 'active' }
    const [all, owners] = [['ops', 'audit'], ['ops']]
    const symmetric = { encrypt_until: start + 2 * year, decrypt_until: start + 5 * year }
    const sealed = { last_use: start, uses: 1 }
    expect(rows).toEqual([
      {
        ...common,
        key: 'root/1',
        purpose: 'opens all other keys',
        algorithm: 'HKDF-SHA-256',
        keyslots: owners,
        encrypt_until: start + year,
      },
      {
        ...common,
        key: 'auditors/1',
        purpose: 'opens the keys of the log',
        algorithm: 'HKDF-SHA-256',
        keyslots: all,
        encrypt_until: start + year,
      },
      {
        ...common,
        ...symmetric,
        ...sealed,
        key: 'log/1',
        purpose: 'encrypts the log',
        algorithm: 'XAES-256-GCM',
        keyslots: all,
      },
      {
        ...common,
        ...symmetric,
        ...sealed,
        key: 'append/1',
        purpose: 'authenticates the log',
        algorithm: 'HMAC-SHA-256',
        keyslots: owners,
      },
      {
        ...common,
        ...symmetric,
        ...sealed,
        key: 'blinding/1',
        purpose: 'salts the leaves of the tree',
        algorithm: 'AES-256',
        keyslots: all,
      },
      {
        ...common,
        ...symmetric,
        key: 'wrapping/1',
        purpose: 'encrypts value keys',
        algorithm: 'XAES-256-GCM',
        keyslots: owners,
        uses: 0,
      },
      {
        ...common,
        key: 'signing/1',
        purpose: 'signs checkpoints',
        algorithm: 'Ed25519',
        keyslots: owners,
        encrypt_until: start + 2 * year,
        uses: 0,
      },
      {
        position: null,
        key: 'values',
        purpose: 'encrypt one version of a secret each',
        algorithm: 'AES-256-GCM',
        keyslots: owners,
        state: 'active',
        uses: 0,
      },
      {
        ...common,
        key: `keyslot/${slot.slot}`,
        purpose: 'keyslot of an owner',
        algorithm: 'Argon2id',
        keyslots: ['ops'],
        uses: 0,
      },
      {
        ...common,
        key: 'keyslot/b',
        purpose: 'keyslot of an auditor',
        algorithm: 'HKDF-SHA-256 of Shamir shares',
        keyslots: ['audit'],
        uses: 0,
      },
    ])
  })

  it('counts what each epoch of the log sealed, the event that ends it among them', () => {
    const log = [born, write(1, 'a'), rotated(2, 'log', 2), write(3, 'b'), shredded(4, 2)]
    expect(named('log/1', log)).toMatchObject({ state: 'retired', uses: 3, last_use: at(2) })
    expect(named('log/2', log)).toMatchObject({
      position: 2,
      state: 'active',
      uses: 2,
      last_use: at(4),
      created: at(2),
    })
    expect(named('append/1', log)).toMatchObject({ state: 'retired', uses: 3 })
  })

  it('counts the value keys that each wrapping key wrapped, survivors among them', () => {
    const destroyed: GivenEvent = {
      type: 'secret.destroyed',
      time: at(2),
      subject: 'a',
      data: { versions: gone(1), cause: 'request' },
    }
    const log = [born, write(1, 'a'), write(1, 'b'), destroyed, shredded(3, 1), write(4, 'c')]
    expect(named('wrapping/1', log)).toMatchObject({
      state: 'destroyed',
      keyslots: [],
      uses: 2,
      last_use: at(1),
    })
    expect(named('wrapping/2', log)).toMatchObject({ state: 'active', uses: 2, last_use: at(4) })
    expect(named('values', log)).toMatchObject({ uses: 2 })
    const root = [...log, rotated(5, 'root', 2)]
    expect(named('wrapping/3', root)).toMatchObject({ uses: 2, last_use: at(5), created: at(5) })
  })

  it('replaces every key with the root', () => {
    const log = [born, rotated(5, 'root', 2)]
    const states = of(log).flatMap(({ key, state }) => [[key, state]])
    expect(states.slice(0, -2)).toEqual([
      ['root/1', 'destroyed'],
      ['root/2', 'active'],
      ['auditors/1', 'destroyed'],
      ['auditors/2', 'active'],
      ['log/1', 'retired'],
      ['log/2', 'active'],
      ['append/1', 'retired'],
      ['append/2', 'active'],
      ['blinding/1', 'retired'],
      ['blinding/2', 'active'],
      ['wrapping/1', 'destroyed'],
      ['wrapping/2', 'active'],
      ['signing/1', 'destroyed'],
      ['signing/2', 'active'],
    ])
    const fingerprints = of(log).filter(({ fingerprint }) => fingerprint !== undefined)
    expect(fingerprints.map(({ key, fingerprint }) => [key, fingerprint])).toEqual([
      ['signing/2', 'ab'.repeat(32)],
    ])
  })

  it('counts the checkpoints that each signing key signed, one by both', () => {
    const root = new Uint8Array(32)
    const checkpoints = [1, 3, 4].map((size) => ({ origin, size, root }))
    const log = [born, write(1, 'a'), rotated(2, 'signing', 2), write(3, 'b'), write(4, 'c')]
    const uses = (key: string) => named(key, log, { beside: { checkpoints } })?.uses
    expect([uses('signing/1'), uses('signing/2')]).toEqual([2, 2])
  })

  it('finds keys in use past their cryptoperiods', () => {
    const found = (now: number, log: readonly GivenEvent[] = [born]) =>
      of(log, { now }).flatMap(({ key, state, finding }) =>
        finding === undefined ? [] : [[key, state, finding]],
      )
    expect(found(start + year - 1)).toEqual([])
    const late = 'in use 1 day past its cryptoperiod'
    expect(found(start + year + day)).toEqual([
      ['root/1', 'expired', late],
      ['auditors/1', 'expired', late],
    ])
    expect(
      found(start + 2 * year + day)
        .slice(2)
        .map(([key, , finding]) => [key, finding]),
    ).toEqual(
      ['log/1', 'append/1', 'blinding/1', 'wrapping/1', 'signing/1'].map((key) => [key, late]),
    )
    const renewed = [born, rotated(365, 'root', 2)]
    expect(found(start + 2 * year - 1, renewed)).toEqual([])
    expect(named('log/1', renewed, { now: start + 5 * year })).toMatchObject({ state: 'archived' })
  })

  it('tells when keyslots were used, and finds one whose removal revokes nothing', () => {
    const other = { ...slot, slot: 'b', kind: 'none', label: 'spare' } as const
    const opened = { clean: true, pid: 1, host: 'h', muniment: '1' }
    const log: GivenEvent[] = [
      born,
      { type: 'keyslot.added', time: at(1), data: { ...other, generation: 2 } },
      { type: 'vault.opened', time: at(2), data: { ...opened, slot: 'b' } },
      { type: 'vault.opened', time: at(3), data: { ...opened, slot: 'b' } },
      { type: 'keyslot.removed', time: at(4), data: { ...other, generation: 3 } },
      rotated(5, 'root', 2),
    ]
    const spare = (to: number) => named('keyslot/b', log, { to })
    expect(spare(3)).toEqual({
      position: 1,
      key: 'keyslot/b',
      purpose: 'keyslot of an owner',
      algorithm: 'none',
      keyslots: ['spare'],
      created: at(1),
      state: 'active',
      last_use: at(3),
      uses: 2,
      finding: 'protects nothing: it is for tests',
    })
    expect(spare(4)).toMatchObject({
      position: 4,
      state: 'removed',
      encrypt_until: at(4),
      finding: 'removed, but the root was not rotated since: what its holder copied still opens',
    })
    expect(spare(5)).not.toHaveProperty('finding')
    expect(named('root/1', log, { to: 3 })).toMatchObject({ keyslots: ['ops', 'spare'] })
    expect(named('root/1', log, { to: 4 })).toMatchObject({ keyslots: ['ops'] })
  })

  it('has the keys and certificates that the vault keeps, and finds those that end', () => {
    const kept = (meta: Parameters<typeof version>[1], now = at(10)) => {
      const { position: _, ...row } = of([write(0, 'tls', meta)], { now }).at(-1) ?? {}
      return row
    }
    const common = { key: 'tls', purpose: 'certificate', created: start, uses: 0 }
    const type = 'certificate' as const
    expect(kept({ type, expiresAt: at(100), fingerprint: 'SHA256:abc' })).toEqual({
      ...common,
      encrypt_until: at(100),
      state: 'active',
      fingerprint: 'SHA256:abc',
    })
    expect(kept({ type, expiresAt: at(40) })).toMatchObject({ finding: 'ends in 30 days' })
    expect(kept({ type, expiresAt: at(40) + 1 })).not.toHaveProperty('finding')
    expect(kept({ type, expiresAt: at(10) })).toMatchObject({
      state: 'expired',
      finding: 'ended less than a second ago',
    })
    expect(kept({ type: 'ssh_key' })).toEqual({ ...common, purpose: 'ssh_key', state: 'active' })
    expect(kept({ type: 'encryption_key' })).toMatchObject({
      encrypt_until: start + 2 * year,
      decrypt_until: start + 5 * year,
    })
    expect(kept({ type: 'encryption_key', rotateEvery: 5 * day })).toMatchObject({
      encrypt_until: at(5),
      decrypt_until: at(5) + 3 * year,
      state: 'expired',
      finding: 'ended 5 days ago',
    })
    expect(kept({ type: 'api_key', expiresAt: at(1) })).toMatchObject({ key: 'values' })
  })

  it('finds nothing in what is withdrawn, and tells how often a key was read', () => {
    const log: GivenEvent[] = [
      write(0, 'a', { type: 'ssh_key', expiresAt: at(1) }),
      write(0, 'b', { type: 'ssh_key', expiresAt: at(1) }),
      {
        type: 'secret.accessed',
        time: at(2),
        subject: 'a',
        data: { operation: 'read', version: 1 },
      },
      { type: 'secret.deleted', time: at(3), subject: 'a', data: { versions: [1] } },
      {
        type: 'secret.destroyed',
        time: at(3),
        subject: 'b',
        data: { versions: gone(1), cause: 'request' },
      },
    ]
    expect(of(log).slice(-2)).toEqual([
      {
        position: 0,
        key: 'a',
        purpose: 'ssh_key',
        created: start,
        encrypt_until: at(1),
        state: 'retired',
        last_use: at(2),
        uses: 1,
      },
      {
        position: 1,
        key: 'b',
        purpose: 'ssh_key',
        created: start,
        encrypt_until: at(1),
        state: 'destroyed',
        uses: 0,
      },
    ])
  })
})

describe('the report of erasures', () => {
  const of = (events: readonly GivenEvent[], about: MadeOf = {}) =>
    reportOf(erasure, events, about).rows
  const destroyed = (
    days: number,
    versions: readonly number[],
    more: Partial<GivenEvent> & { cause?: 'request' | 'max_versions' | 'purge' } = {},
  ): GivenEvent => {
    const { cause = 'request', ...event } = more
    const data = { versions: gone(...versions), cause }
    return { type: 'secret.destroyed', time: at(days), subject: 'a', ...event, data } as GivenEvent
  }
  const id = (number: number) => `0${number}`.repeat(32)

  it('has a row for each version, and the shred that put it beyond recovery', () => {
    expect(
      of([
        destroyed(0, [1, 2], { actor: 'user/dpo', context: { reason: 'request 4711' } }),
        shredded(1, 3),
        destroyed(2, [3], { cause: 'max_versions' }),
        { type: 'keys.rotated', time: at(3), data: { what: 'log', generation: 3, epoch: 2 } },
        rotated(4, 'root', 3),
        destroyed(5, [4], { cause: 'purge' }),
        { type: 'secret.purged', time: at(5), subject: 'a', data: { version: 4 } },
      ]),
    ).toEqual([
      ...[1, 2].map((number) => ({
        position: 0,
        subject: 'a',
        version: number,
        requester: 'user/dpo',
        method: 'request',
        reason: 'request 4711',
        key_id: id(number),
        destroyed_at: at(0),
        shredded_at: at(1),
        shredded_position: 1,
        status: 'shredded',
      })),
      {
        position: 2,
        subject: 'a',
        version: 3,
        requester: 'test',
        method: 'max_versions',
        key_id: id(3),
        destroyed_at: at(2),
        shredded_at: at(4),
        shredded_position: 4,
        status: 'shredded',
      },
      {
        position: 5,
        subject: 'a',
        version: 4,
        requester: 'test',
        method: 'purge',
        key_id: id(4),
        destroyed_at: at(5),
        status: 'destroyed',
      },
    ])
  })

  it('takes what was destroyed in its range, and no shred of after it', () => {
    const log = [
      destroyed(0, [1]),
      destroyed(1, [2]),
      destroyed(2, [3], { subject: 'b' }),
      shredded(3, 0),
    ]
    const brief = (about: MadeOf) => of(log, about).map(({ version, status }) => [version, status])
    expect(brief({ from: 1, to: 2 })).toEqual([
      [2, 'destroyed'],
      [3, 'destroyed'],
    ])
    expect(brief({ from: 1, params: { subject: 'b' } })).toEqual([[3, 'shredded']])
    expect(brief({ params: { actor: 'nobody' } })).toEqual([])
    expect(brief({ from: 4 })).toEqual([])
  })
})
