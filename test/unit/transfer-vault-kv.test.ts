import { describe, expect, it } from 'vitest'
import { parseTransfer } from '../../src/transfer/parse.ts'
import { fixture, parseText, valuesOf } from '../fixtures/transfer/files.ts'

const metadata = { version: 1, created_time: '2024-01-02T03:04:05Z', deletion_time: '' }

describe('responses of Vault', () => {
  it('give the fields of what they hold, and custom metadata as tags', () => {
    const { entries, skipped } = parseTransfer(fixture('vault-responses.json'), {
      format: 'vault-kv',
      prefix: 'kv',
    })
    expect(entries).toEqual([
      {
        path: 'kv/prod/db',
        meta: { type: 'generic', tags: { team: 'fake-team', 'renew-date': '2026-11-14' } },
        versions: [{ value: { username: 'fake-app', password: 'fake-db-password', port: 5432 } }],
      },
      {
        path: 'kv/prod/single',
        meta: { type: 'generic' },
        versions: [{ value: { value: 'fake-single' } }],
      },
      {
        path: 'kv/legacy/v1',
        meta: { type: 'generic' },
        versions: [{ value: { token: 'fake-v1-token' } }],
      },
    ])
    expect(skipped).toEqual([
      { row: 'prod/single', reason: 'its deletion_time is not taken over' },
      { row: 'prod/deleted', reason: 'its version is deleted' },
      { row: 'prod/destroyed', reason: 'its version is destroyed' },
      { row: 'legacy/none', reason: 'its response holds no data' },
    ])
  })

  it('leave out the custom metadata that tags cannot hold, and say how many', () => {
    const custom_metadata = { good: 'fake', '': 'x', number: 1, long: 'x'.repeat(513) }
    const file = { a: { data: { k: 'fake' }, metadata: { ...metadata, custom_metadata } } }
    const { entries, skipped } = parseText('vault-kv', JSON.stringify(file))
    expect(entries[0]?.meta.tags).toEqual({ good: 'fake' })
    expect(skipped).toEqual([
      { row: 'a', reason: '3 of its custom_metadata are beyond the limits of tags' },
    ])
  })

  it.each([
    { request_id: 'x', data: { k: 'fake' } },
    { data: { data: { k: 'fake' }, metadata } },
    { data: { k: 'fake' }, metadata },
  ])('are refused alone, for want of a path: %#', (file) => {
    expect(() => parseText('vault-kv', JSON.stringify(file))).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: `vault-kv file: expected an object from paths to responses, found one: vault kv get -format=json PATH | jq '{"PATH": .}'`,
      }),
    )
  })
})

describe('a tree of folders and fields', () => {
  it('gives a secret wherever it holds fields', () => {
    const parsed = parseTransfer(fixture('medusa-tree.json'), { format: 'vault-kv' })
    expect(valuesOf(parsed)).toEqual({
      'A/B/C/D': { Da: 'fake-da' },
      'A/B/C/D/Db': { DBa: 13, DBb: 'fake-dbb' },
      'A/B/E': { Ea: 'fake-ea', Eb: ['fake-list'] },
      'team_x/db': { password: 'fake-team-password' },
      slashed: { password: 'fake-slashed' },
    })
    expect(parsed.skipped).toEqual([
      { row: 'A/empty', reason: 'it holds no fields' },
      { row: 'A/B/E', reason: 'its path is that of A/B/E' },
      { row: 'scalar', reason: 'expected an object of fields, found a string' },
    ])
  })

  it('takes fields that are called as parts of a response are for fields', () => {
    const file = { a: { data: 'fake', metadata: 'fake', request_id: 7 } }
    expect(valuesOf(parseText('vault-kv', JSON.stringify(file)))).toEqual(file)
  })

  it('calls a row by its number where its path is none', () => {
    const file = { a: { k: 'fake' }, ['x'.repeat(600)]: { k: 'fake' } }
    expect(parseText('vault-kv', JSON.stringify(file)).skipped).toEqual([
      { row: 'member 2', reason: 'path: expected at most 512 bytes, found 600' },
    ])
  })

  it('is refused where it is none', () => {
    expect(() => parseText('vault-kv', '["fake"]')).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        message: 'vault-kv file: expected an object from paths to secrets, found a list',
      }),
    )
  })
})
