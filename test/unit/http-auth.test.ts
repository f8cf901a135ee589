import { describe, expect, it } from 'vitest'
import { authBlock, isPeriodic, lookupData, systemTtlMs } from '../../src/http/auth/auth-block.ts'
import { optionsOf, roleAsked, roleData, secretIdData } from '../../src/http/auth/role-shape.ts'
import { type TokenAsker, tokenAsked } from '../../src/http/auth/token-asked.ts'
import {
  optionalText,
  pairsField,
  requiredText,
  textOfPairsField,
  textsField,
  wholeText,
} from '../../src/http/text-fields.ts'
import type { AppRole, AppRoleOptions, SecretIdInfo, TokenInfo } from '../../src/index.ts'
import { refusal } from '../fixtures/refusal.ts'

const issued = Date.UTC(2026, 2, 1, 12, 0, 0, 250)
const hour = 3_600_000

function token(info: Partial<TokenInfo> = {}): TokenInfo {
  return {
    accessor: 'a'.repeat(32),
    actor: 'svc/billing',
    policies: ['default', 'billing'],
    issuedAt: new Date(issued),
    expiresAt: new Date(issued + hour),
    renewFor: hour,
    renewableUntil: new Date(issued + systemTtlMs),
    parent: 'b'.repeat(32),
    meta: {},
    position: 7,
    ...info,
  }
}

const root: TokenInfo = {
  accessor: 'c'.repeat(32),
  actor: 'root',
  policies: ['root'],
  issuedAt: new Date(issued),
  meta: {},
  position: 1,
}

describe('what is told of a token', () => {
  it('has every field of the wire, and its type', () => {
    expect(lookupData(token(), { text: 'the-token', now: issued + 600_000 })).toEqual({
      id: 'the-token',
      accessor: 'a'.repeat(32),
      actor: 'svc/billing',
      policies: ['billing', 'default'],
      path: 'auth/token/create',
      meta: null,
      display_name: 'token',
      num_uses: 0,
      orphan: false,
      creation_time: Math.floor(issued / 1000),
      creation_ttl: 3600,
      expire_time: '2026-03-01T13:00:00.25Z',
      ttl: 3000,
      explicit_max_ttl: 0,
      entity_id: '',
      type: 'service',
      renewable: true,
      issue_time: '2026-03-01T12:00:00.25Z',
    })
  })

  it('says of one that does not end that it has no time and no renewal', () => {
    expect(lookupData(root, { text: '', now: issued })).toMatchObject({
      path: 'auth/token/root',
      display_name: 'root',
      orphan: true,
      creation_ttl: 0,
      expire_time: null,
      ttl: 0,
      explicit_max_ttl: 0,
      renewable: false,
    })
  })

  it('says of a login whose it was', () => {
    const login = token({
      approle: 'web',
      meta: { host: 'a' },
      label: 'x',
      parent: undefined as never,
    })
    expect(lookupData(login, { text: '', now: issued })).toMatchObject({
      path: 'auth/approle/login',
      display_name: 'approle',
      meta: { host: 'a', role_name: 'web' },
      explicit_max_ttl: 0,
    })
  })

  it('shows a label as Vault does', () => {
    const shown = (label: string) =>
      (lookupData(token({ label }), { text: '', now: issued }) as { display_name: string })
        .display_name
    expect(shown('my app')).toBe('token-my-app')
    expect(shown('terraform')).toBe('token-terraform')
    expect(shown('a!')).toBe('token-a')
    expect(shown('root')).toBe('token-root')
  })

  it('takes a root token with a parent, or with a name, for no first one', () => {
    const child = { ...root, parent: 'b'.repeat(32) }
    expect(lookupData(child, { text: '', now: 0 })).toMatchObject({
      path: 'auth/token/create',
      display_name: 'token',
    })
    expect(lookupData({ ...root, label: 'ops' }, { text: '', now: 0 })).toMatchObject({
      path: 'auth/token/create',
      display_name: 'token-ops',
    })
  })

  it('tells a period, and a maximum that is the token’s own', () => {
    const { renewableUntil: _, ...periodic } = token()
    expect(isPeriodic(periodic)).toBe(true)
    expect(lookupData(periodic, { text: '', now: issued })).toMatchObject({ period: 3600 })
    const bounded = token({ renewableUntil: new Date(issued + 2 * hour) })
    const told = lookupData(bounded, { text: '', now: issued })
    expect(told).toMatchObject({ explicit_max_ttl: 7200 })
    expect(told).not.toHaveProperty('period')
    const { renewFor: _for, renewableUntil: _until, ...fixed } = token()
    expect(isPeriodic(fixed)).toBe(false)
    expect(lookupData(fixed, { text: '', now: issued })).toMatchObject({
      creation_ttl: 3600,
      renewable: false,
    })
  })

  it('has a second left for as long as it holds', () => {
    const now = issued + hour - 1
    expect(lookupData(token(), { text: '', now })).toMatchObject({ ttl: 1 })
  })

  it('is the auth block of the wire', () => {
    const info = token({ usesLeft: 3, meta: { env: 'prod' } })
    expect(authBlock(info, { text: 'the-token', now: issued })).toEqual({
      client_token: 'the-token',
      accessor: 'a'.repeat(32),
      policies: ['billing', 'default'],
      token_policies: ['billing', 'default'],
      metadata: { env: 'prod' },
      lease_duration: 3600,
      renewable: true,
      entity_id: '',
      token_type: 'service',
      orphan: false,
      mfa_requirement: null,
      num_uses: 3,
    })
    expect(authBlock(root, { text: '', now: issued })).toMatchObject({
      metadata: null,
      lease_duration: 0,
      orphan: true,
      num_uses: 0,
    })
  })

  it('lists no policy where its actor’s roles say what it may do', () => {
    const { policies: _, ...held } = token()
    expect(lookupData(held, { text: '', now: issued })).toMatchObject({ policies: [] })
  })
})

describe('what is asked of a new token', () => {
  const asker = (over: Partial<TokenAsker> = {}): TokenAsker => ({
    parent: root,
    mayAll: true,
    isOrphan: false,
    ...over,
  })
  const asked = (body: Record<string, unknown>, over: Partial<TokenAsker> = {}) =>
    tokenAsked(body, asker(over))
  const parent = token()

  it('is a token like the parent’s for 768 hours unless more is said', () => {
    expect(asked({}, { parent, mayAll: false })).toEqual({
      options: {
        policies: ['default', 'billing'],
        ttl: systemTtlMs,
        maxTtl: systemTtlMs,
        renewable: true,
        orphan: false,
      },
      warnings: [],
    })
  })

  it('is without an end for root, through a token that has none', () => {
    expect(asked({}).options).toEqual({ policies: ['root'], renewable: false, orphan: false })
    expect(refusal(() => asked({}, { parent: { ...root, expiresAt: new Date() } }))).toEqual([
      400,
      ['expiring root tokens cannot create non-expiring root tokens'],
    ])
    expect(asked({ ttl: '1h' }, { parent: { ...root, expiresAt: new Date() } }).options).toEqual({
      policies: ['root'],
      ttl: hour,
      maxTtl: systemTtlMs,
      renewable: true,
      orphan: false,
    })
  })

  it('is what Terraform asks for', () => {
    const body = {
      type: '',
      ttl: '1200s',
      explicit_max_ttl: '1200s',
      renewable: false,
      display_name: 'terraform',
      num_uses: 0,
      entity_alias: '',
    }
    expect(asked(body, { parent, mayAll: false }).options).toEqual({
      policies: ['default', 'billing'],
      ttl: 1_200_000,
      maxTtl: 1_200_000,
      renewable: false,
      label: 'terraform',
      orphan: false,
    })
  })

  it('takes everything that the wire has a word for', () => {
    const body = {
      id: 'my-own-token',
      policies: ['b', 'a', 'a'],
      ttl: 90,
      explicit_max_ttl: '1h30m',
      num_uses: '5',
      no_parent: true,
      meta: { env: 'prod', n: 1 },
      actor: 'svc/other',
    }
    expect(asked(body).options).toEqual({
      token: 'my-own-token',
      policies: ['a', 'b', 'default'],
      ttl: 90_000,
      maxTtl: 5_400_000,
      renewable: true,
      uses: 5,
      orphan: true,
      meta: { env: 'prod', n: '1' },
      actor: 'svc/other',
    })
    expect(asked({ lease: '1m' }).options).toMatchObject({ ttl: 60_000 })
    expect(asked({}, { isOrphan: true }).options).toMatchObject({ orphan: true })
  })

  it('adds default where the parent has it or may give it, and nowhere else', () => {
    const bare = token({ policies: ['billing'] })
    const policies = (body: Record<string, unknown>, over: Partial<TokenAsker>) =>
      asked({ policies: ['billing'], ...body }, over).options.policies
    expect(policies({}, { parent, mayAll: false })).toEqual(['billing', 'default'])
    expect(policies({}, { parent: bare, mayAll: false })).toEqual(['billing'])
    expect(policies({}, { parent: bare, mayAll: true })).toEqual(['billing', 'default'])
    expect(policies({ no_default_policy: true }, { parent })).toEqual(['billing'])
    const named = { policies: ['billing', 'default'], no_default_policy: true }
    expect(policies(named, { parent })).toEqual(['billing'])
    expect(asked({ no_default_policy: true }, { parent }).options.policies).toEqual(['billing'])
    expect(policies({ policies: ['x', 'root'] }, {})).toEqual(['root'])
    const { policies: _, ...held } = token()
    expect(asked({}, { parent: held, mayAll: false }).options).not.toHaveProperty('policies')
  })

  it('renews a token with a period for ever, and one with a maximum besides no longer', () => {
    expect(asked({ period: '24h', ttl: '1h' }, { parent }).options).toEqual({
      policies: ['default', 'billing'],
      ttl: 24 * hour,
      renewable: true,
      orphan: false,
    })
    expect(asked({ period: '24h', explicit_max_ttl: '1h' }, { parent }).options).toMatchObject({
      ttl: hour,
      maxTtl: hour,
    })
  })

  it('caps a time beyond the maximum, and says so', () => {
    const { options, warnings } = asked({ ttl: '800h' }, { parent })
    expect(options).toMatchObject({ ttl: systemTtlMs, maxTtl: systemTtlMs })
    expect(warnings).toEqual([
      'TTL of "800h0m0s" exceeded the effective max_ttl of "768h0m0s"; TTL value is capped accordingly',
    ])
    expect(asked({ explicit_max_ttl: '10000h' }, { parent }).options).toMatchObject({
      maxTtl: systemTtlMs,
    })
  })

  it.each([
    [{ type: 'batch' }, 'batch tokens are not supported'],
    [{ type: 'other' }, "invalid 'token_type' value"],
    [{ entity_alias: 'x' }, "'entity_alias' is only allowed in combination with token role"],
    [{ num_uses: -1 }, 'number of uses cannot be negative'],
    [
      { ttl: 'secret-word' },
      'Field validation failed: error converting input for field "ttl": expected a duration such as "3h25m19s", or seconds, and nothing negative',
    ],
    [
      { policies: [{}] },
      'Field validation failed: error converting input for field "policies": expected a list of texts',
    ],
    [
      { meta: { a: [] } },
      'Field validation failed: error converting input for field "meta": expected an object of texts',
    ],
    [{ id: {} }, 'Field validation failed: error converting input for field "id": expected a text'],
  ])('%j is refused', (body, message) => {
    expect(refusal(() => asked(body))).toEqual([400, [message]])
  })
})

describe('fields', () => {
  it('take a text as it stands, or without the spaces around it', () => {
    expect(wholeText({ a: ' x\n' }, 'a')).toBe(' x\n')
    expect(optionalText({ a: ' x\n' }, 'a')).toBe('x')
    for (const a of [undefined, null, '', ' \n']) {
      expect(wholeText({ a }, 'a')).toBeUndefined()
      expect(refusal(() => requiredText({ a }, 'a'))).toEqual([400, ['missing a']])
    }
    expect(requiredText({ a: 7 }, 'a')).toBe('7')
  })

  it('take texts as a list or with commas between', () => {
    expect(textsField({ a: ['x', ' y ', ''] }, 'a')).toEqual(['x', 'y'])
    expect(textsField({ a: 'x, y,' }, 'a')).toEqual(['x', 'y'])
    expect(textsField({ a: [] }, 'a')).toEqual([])
    expect(textsField({ a: null }, 'a')).toBeUndefined()
  })

  it('take pairs as an object, as a list, or as the text of an object', () => {
    const pairs = { x: '1', y: 'a=b' }
    expect(pairsField({ a: { x: 1, y: 'a=b' } }, 'a')).toEqual(pairs)
    expect(pairsField({ a: ['x=1', 'y=a=b'] }, 'a')).toEqual(pairs)
    expect(textOfPairsField({ a: '{"x":"1","y":"a=b"}' }, 'a')).toEqual(pairs)
    expect(textOfPairsField({ a: pairs }, 'a')).toEqual(pairs)
    for (const a of ['', ' ', null, undefined]) {
      expect(textOfPairsField({ a }, 'a')).toBeUndefined()
    }
    for (const a of ['secret', '[]', '"x"', 'null', '["x=1"]']) {
      expect(refusal(() => textOfPairsField({ a }, 'a'))[1]).toEqual([
        'Field validation failed: error converting input for field "a": expected a text that holds a JSON object of texts',
      ])
    }
    expect(refusal(() => pairsField({ a: ['x'] }, 'a'))[0]).toBe(400)
    expect(refusal(() => pairsField({ a: ['__proto__=x'] }, 'a'))[0]).toBe(400)
    expect(refusal(() => textOfPairsField({ a: '{"__proto__":"x"}' }, 'a'))[0]).toBe(400)
  })
})

describe('a role', () => {
  const written = (options: AppRoleOptions): AppRole => ({
    name: 'web',
    roleId: 'the-role-id',
    actor: 'approle/web',
    bindSecretId: true,
    position: 3,
    writtenAt: new Date(issued),
    writtenBy: 'root',
    ...options,
  })
  /** What is told of a role that was written by these bodies, one after the other. */
  const told = (...bodies: readonly Record<string, unknown>[]) => {
    let role: AppRole | undefined
    for (const body of bodies) role = written(roleAsked(body, role))
    return roleData(role as AppRole)
  }

  it('is told with every field of the wire', () => {
    expect(told({})).toEqual({
      actor: 'approle/web',
      bind_secret_id: true,
      local_secret_ids: false,
      secret_id_bound_cidrs: null,
      secret_id_num_uses: 0,
      secret_id_ttl: 0,
      token_bound_cidrs: [],
      token_explicit_max_ttl: 0,
      token_max_ttl: 0,
      token_no_default_policy: false,
      token_num_uses: 0,
      token_period: 0,
      token_policies: [],
      token_ttl: 0,
      token_type: 'default',
    })
  })

  it('is told as it was written', () => {
    const body = {
      token_policies: ['web', 'app'],
      token_ttl: '20m',
      token_max_ttl: 7200,
      token_num_uses: 10,
      secret_id_ttl: '24h',
      secret_id_num_uses: 40,
    }
    const options = roleAsked(body)
    expect(options).toEqual({
      ifPosition: -1,
      bindSecretId: true,
      policies: ['app', 'web', 'default'],
      tokenTtl: 1_200_000,
      tokenMaxTtl: 7_200_000,
      tokenUses: 10,
      secretIdTtl: 86_400_000,
      secretIdUses: 40,
    })
    expect(told(body)).toMatchObject({
      token_policies: ['app', 'web'],
      token_ttl: 1200,
      token_max_ttl: 7200,
      token_num_uses: 10,
      secret_id_ttl: 86_400,
      secret_id_num_uses: 40,
    })
  })

  it('keeps what a later body does not name', () => {
    const first = { token_policies: 'app', token_ttl: '20m', secret_id_num_uses: 3 }
    expect(told(first, { token_max_ttl: '1h' })).toMatchObject({
      token_policies: ['app'],
      token_ttl: 1200,
      token_max_ttl: 3600,
      secret_id_num_uses: 3,
    })
    expect(told(first, { secret_id_num_uses: 0, token_ttl: 0, policies: [] })).toMatchObject({
      token_policies: [],
      token_ttl: 0,
      secret_id_num_uses: 0,
    })
    expect(roleAsked({}, written({ actor: 'svc/web' }))).toMatchObject({
      actor: 'svc/web',
      roleId: 'the-role-id',
    })
  })

  it('shows default only where it was named, and adds it all the same', () => {
    expect(roleAsked({ token_policies: ['default', 'dev', 'prod'] }).policies).toEqual([
      'default',
      'dev',
      'prod',
    ])
    expect(told({ token_policies: ['dev', 'default'] })).toMatchObject({
      token_policies: ['default', 'dev'],
      token_no_default_policy: false,
    })
    expect(told({ token_policies: ['app'], token_no_default_policy: true })).toMatchObject({
      token_policies: ['app'],
      token_no_default_policy: true,
    })
    expect(roleAsked({ token_policies: [], token_no_default_policy: true }).policies).toEqual([])
    expect(
      told({ token_policies: ['app'], token_no_default_policy: true }, { token_ttl: 60 }),
    ).toMatchObject({ token_policies: ['app'], token_no_default_policy: true })
    expect(told({ token_policies: ['app'] }, { token_no_default_policy: true })).toMatchObject({
      token_policies: ['app'],
      token_no_default_policy: true,
    })
  })

  it('whose tokens have the roles of its actor goes on to', () => {
    const held = written({ actor: 'svc/web' })
    expect(roleAsked({ token_ttl: 60 }, held)).not.toHaveProperty('policies')
    expect(roleData(held)).toMatchObject({ token_policies: [] })
  })

  it('has a period in place of a time and a maximum', () => {
    expect(roleAsked({ token_period: '1h' })).toEqual({
      ifPosition: -1,
      bindSecretId: true,
      policies: ['default'],
      tokenTtl: hour,
    })
    expect(told({ period: 3600 })).toMatchObject({
      token_period: 3600,
      token_ttl: 0,
      token_max_ttl: 0,
    })
    expect(told({ period: 3600 }, { token_period: 0, token_ttl: 60 })).toMatchObject({
      token_period: 0,
      token_ttl: 60,
      token_max_ttl: 0,
    })
    expect(told({ token_max_ttl: 60 })).toMatchObject({ token_ttl: 60, token_max_ttl: 60 })
  })

  it.each([
    [{ token_bound_cidrs: ['10.0.0.0/8'] }, 'token_bound_cidrs is not supported'],
    [{ secret_id_bound_cidrs: '10.0.0.0/8' }, 'secret_id_bound_cidrs is not supported'],
    [{ bound_cidr_list: ['10.0.0.0/8'] }, 'bound_cidr_list is not supported'],
    [{ bind_secret_id: false }, 'at least one constraint should be enabled on the role'],
    [{ token_type: 'batch' }, 'token_type: expected any of default, service, default-service'],
    [{ local_secret_ids: true }, 'local_secret_ids is not supported'],
    [
      { token_explicit_max_ttl: 5 },
      'token_explicit_max_ttl is not supported: no renewal goes beyond token_max_ttl',
    ],
    [{ token_num_uses: -1 }, 'token_num_uses cannot be negative'],
    [{ secret_id_num_uses: -1 }, 'secret_id_num_uses cannot be negative'],
    [{ token_ttl: 61, token_max_ttl: 60 }, '"token_ttl" cannot be greater than "token_max_ttl"'],
    [
      { token_period: 60, token_ttl: 60 },
      'token_period is not supported together with token_ttl or token_max_ttl',
    ],
  ])('%j is refused', (body, message) => {
    expect(refusal(() => roleAsked(body))).toEqual([400, [message]])
  })

  it('takes bounds that are none', () => {
    const none = { token_bound_cidrs: [], secret_id_bound_cidrs: '', token_explicit_max_ttl: 0 }
    expect(roleAsked(none)).toEqual(roleAsked({}))
  })

  it('can be written again with one field changed', () => {
    const role = written({ policies: ['a'], tokenTtl: 5 })
    expect(optionsOf(role)).toEqual({
      ifPosition: 3,
      roleId: 'the-role-id',
      actor: 'approle/web',
      bindSecretId: true,
      policies: ['a'],
      tokenTtl: 5,
    })
  })
})

describe('what is told of a secret id', () => {
  const info: SecretIdInfo = {
    accessor: 'd'.repeat(32),
    approle: 'web',
    issuedAt: new Date(issued),
    issuedBy: 'root',
    meta: { host: 'a' },
    position: 9,
  }

  it('has every field of the wire', () => {
    expect(secretIdData({ ...info, expiresAt: new Date(issued + hour), usesLeft: 2 })).toEqual({
      cidr_list: [],
      creation_time: '2026-03-01T12:00:00.25Z',
      expiration_time: '2026-03-01T13:00:00.25Z',
      last_updated_time: '2026-03-01T12:00:00.25Z',
      metadata: { host: 'a' },
      secret_id_accessor: 'd'.repeat(32),
      secret_id_num_uses: 2,
      secret_id_ttl: 3600,
      token_bound_cidrs: [],
    })
  })

  it('says of one that does not end Go’s time for none', () => {
    expect(secretIdData(info)).toMatchObject({
      expiration_time: '0001-01-01T00:00:00Z',
      secret_id_ttl: 0,
      secret_id_num_uses: 0,
    })
  })
})
