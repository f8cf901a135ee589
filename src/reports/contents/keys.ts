import type { SecretType } from '../../events/words.ts'
import { type AccessesState, accesses } from '../../projections/accesses.ts'
import { combined } from '../../projections/combined.ts'
import { cryptoperiods, dayMs } from '../../projections/cryptoperiods.ts'
import {
  byPrecedence,
  maxAgeOf,
  type RotationPoliciesState,
  type RotationPolicyRow,
  rotationPolicies,
} from '../../projections/rotation-policies.ts'
import { type SecretRow, secrets } from '../../projections/secrets.ts'
import type { FoldedReport, ReportAbout, ReportRow } from '../report.ts'
import { columns } from './columns.ts'
import { type KeyUses, keyUses } from './key-spans.ts'
import { durationText } from './phrases.ts'
import { type SortedMap, sorted } from './sorted-map.ts'
import { vaultKeyRows } from './vault-keys.ts'

interface Keys {
  readonly uses: KeyUses
  readonly secrets: SortedMap<SecretRow>
  readonly accesses: AccessesState
  readonly policies: RotationPoliciesState
}

/** R3: the vault's own keys and keyslots, and the keys and certificates that it keeps. */
export const keys: FoldedReport<Keys> = {
  name: 'keys',
  version: 1,
  title: 'Keys and certificates',
  question: 'Which keys are there, who holds them, and is each within its cryptoperiod?',
  span: 'moment',
  params: [],
  columns: columns({
    key: 'text',
    purpose: 'text',
    algorithm: 'text',
    keyslots: 'list',
    created: 'time',
    encrypt_until: 'time',
    decrypt_until: 'time',
    state: 'status',
    last_use: 'time',
    uses: 'number',
    fingerprint: 'id',
  }),
  judges: true,
  projection: () =>
    combined('report-keys', {
      uses: keyUses,
      secrets: sorted(secrets),
      accesses,
      policies: rotationPolicies,
    }),
  *rows(view, about) {
    yield* vaultKeyRows(view.uses, about)
    const policies = byPrecedence(view.policies)
    for (const [path, secret] of view.secrets.inOrder()) {
      if (keptTypes.has(secret.meta.type)) yield keptRow({ path, secret, view, policies }, about)
    }
  },
}

/** Secrets that are keys, or speak of one. */
const keptTypes: ReadonlySet<SecretType> = new Set(['certificate', 'ssh_key', 'encryption_key'])

/** A key or certificate that ends within that time is to be replaced by now. */
const endsSoonMs = 30 * dayMs

interface Kept {
  readonly path: string
  readonly secret: SecretRow
  readonly view: Keys
  readonly policies: readonly RotationPolicyRow[]
}

function keptRow({ path, secret, view, policies }: Kept, about: ReportAbout): ReportRow {
  const { meta, valueChangedAt, position } = secret
  const ends = endsOf({ path, secret, policies })
  const state = stateOf(secret, ends.encrypt_until, about.asOf.time)
  const access = view.accesses.get(path)
  const finding = findingOf(state, ends.encrypt_until, about.asOf.time)
  return {
    position,
    cells: {
      key: path,
      purpose: meta.type,
      created: valueChangedAt,
      ...ends,
      state,
      last_use: access?.lastAt ?? null,
      uses: access?.count ?? 0,
      fingerprint: meta.fingerprint ?? null,
    },
    ...(finding !== undefined && { finding }),
  }
}

/** A date that the value bears goes before one that its age gives. Only keys that encrypt are judged by their age. */
function endsOf({ path, secret: { meta, valueChangedAt }, policies }: Omit<Kept, 'view'>) {
  if (meta.expiresAt !== undefined) return { encrypt_until: meta.expiresAt, decrypt_until: null }
  const maxAge = meta.type === 'encryption_key' ? maxAgeOf(path, meta, policies) : undefined
  if (maxAge === undefined) return { encrypt_until: null, decrypt_until: null }
  const { protect, process } = cryptoperiods.dataEncryption
  const until = valueChangedAt + maxAge
  return { encrypt_until: until, decrypt_until: until + process - protect }
}

type State = 'active' | 'expired' | 'retired' | 'destroyed'

function stateOf({ state }: SecretRow, until: number | null, now: number): State {
  if (state === 'destroyed') return 'destroyed'
  if (state === 'deleted') return 'retired'
  return until !== null && now >= until ? 'expired' : 'active'
}

function findingOf(state: State, until: number | null, now: number): string | undefined {
  if (until === null) return undefined
  if (state === 'expired') return `ended ${durationText(now - until)} ago`
  const isSoon = state === 'active' && until - now <= endsSoonMs
  return isSoon ? `ends in ${durationText(until - now)}` : undefined
}
