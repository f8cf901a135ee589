import { describe, expect, it } from 'vitest'
import { randomKey } from '../../src/crypto/random.ts'
import { epochsMax } from '../../src/keys/compartments.ts'
import {
  createKeyring,
  eraseDropped,
  type OwnerKeyring,
  openKeyring,
  parseKeyring,
  sealKeyring,
} from '../../src/keys/keyring.ts'
import { noKdf } from '../../src/keys/no-kdf.ts'
import {
  addLogEpoch,
  addSigner,
  addWrappingKey,
  keepNewestSigner,
  keepNewestWrappingKey,
  nextEpoch,
} from '../../src/keys/rotate.ts'
import { addSlot } from '../../src/keys/unlock.ts'

const R = randomKey()

async function made(): Promise<OwnerKeyring> {
  const root = { role: 'owner', R } as const
  const { keyring } = await addSlot(createKeyring(), noKdf, { root, label: 'test', createdAt: 0 })
  return keyring
}

const reread = (keyring: OwnerKeyring) =>
  openKeyring(parseKeyring(sealKeyring(keyring, R)), { role: 'owner', R })

describe('a keyring whose keys are replaced', () => {
  it('holds old and new together, and reads back as it is', async () => {
    const both = addSigner(addWrappingKey(addLogEpoch(addLogEpoch(await made(), 7), 9)))
    expect(both.log.epochs.map(({ epoch, from }) => [epoch, from])).toEqual([
      [1, 0],
      [2, 7],
      [3, 9],
    ])
    expect(both.values.appends.map(({ epoch }) => epoch)).toEqual([1, 2, 3])
    expect(reread(both)).toEqual(both)
    const left = keepNewestSigner(keepNewestWrappingKey(both))
    expect(left.values.wraps).toEqual(both.values.wraps.slice(1))
    expect(left.values.signing).toEqual(both.values.signing.slice(1))
    expect(left.log.signers).toHaveLength(2)
    expect(reread(left)).toEqual(left)
  })

  it('gives way with its keys wiped, but for those that its successor holds', async () => {
    const both = addSigner(addWrappingKey(await made()))
    const left = keepNewestSigner(keepNewestWrappingKey(both))
    eraseDropped(both, left)
    const isZero = (key: Buffer | undefined) => key?.equals(Buffer.alloc(32))
    expect(both.values.wraps.map(({ key }) => isZero(key))).toEqual([true, false])
    expect(both.values.signing.map(({ seed }) => isZero(seed))).toEqual([true, false])
    expect([...both.values.appends.map(({ key }) => key), both.values.A].map(isZero)).toEqual([
      false,
      false,
    ])
    expect(isZero(both.log.epochs[0]?.logKey)).toBe(false)
  })

  it('takes no more keys than a reader does', () => {
    const held = Array.from({ length: epochsMax }, (_, at) => ({ epoch: at + 1 }))
    expect(nextEpoch(held.slice(1))).toBe(epochsMax + 1)
    expect(() => nextEpoch(held)).toThrow('a keyring holds at most 50000 keys of a kind')
  })
})
