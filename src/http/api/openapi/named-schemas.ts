import type { TSchema } from 'typebox'
import type { AnyOperation, Group } from '../operation.ts'
import { problem } from './problem-schema.ts'

/**
 * The schemas that have a name, as several operations have them: each by a place where it stands, in the words of
 * `schemaAt`. In the order of the names.
 */
const places: Readonly<Record<string, readonly [operation: string, ...path: string[]]>> = {
  Anchor: ['addAnchor', 'answer'],
  AppRole: ['getAppRole', 'answer'],
  AuditEvent: ['queryAudit', 'application/x-ndjson'],
  Chart: ['reportRows', 'application/x-ndjson', '|3', 'totals', 'charts', '[]'],
  Checkpoint: ['signCheckpoint', 'application/json'],
  Diff: ['diff', 'application/json'],
  DiffCounts: ['diff', 'application/json', 'counts'],
  DiffSecretCounts: ['diff', 'application/json', 'counts', 'bySecretChange'],
  IssuedToken: ['issueToken', 'answer'],
  KeyDerivation: ['addKeyslot', 'body', 'credential', 'kdf'],
  Keyslot: ['addKeyslot', 'answer'],
  NotedChange: ['diff', 'application/json', 'access', '[]'],
  Policy: ['getPolicy', 'answer'],
  Population: ['reportRows', 'application/x-ndjson', '|3', 'totals', 'population'],
  ReportManifest: ['verifyReport', 'application/json', 'manifest'],
  ReportVerification: ['verifyReport', 'application/json'],
  Secret: ['readSecret', 'answer'],
  SecretDiff: ['diff', 'application/json', 'secrets', '[]'],
  SecretDiffEvent: ['diff', 'application/json', 'secrets', '[]', 'events', '[]'],
  SecretId: ['lookUpSecretId', 'answer'],
  SecretInfo: ['describeSecret', 'answer'],
  SecretValue: ['readSecret', 'answer', 'value'],
  Token: ['getToken', 'answer'],
  Verification: ['getVerification', 'answer', 'result'],
  VerificationJob: ['getVerification', 'answer'],
  VerifierKey: ['startVerification', 'body', 'against', 'trust', 'log'],
  VersionInfo: ['secretHistory', 'answer', 'versions', '[]'],
  VersionsChanged: ['deleteVersions', 'answer'],
  Written: ['writeSecret', 'answer'],
}

/** By their names. A place where nothing stands names nothing. */
export function namedSchemas(groups: readonly Group[]): Readonly<Record<string, TSchema>> {
  const operations = new Map(
    groups.flatMap((group) => group.operations).map((operation) => [operation.id, operation]),
  )
  const named = Object.entries(places).flatMap(([name, [id, ...path]]) => {
    const operation = operations.get(id)
    const schema = operation === undefined ? undefined : schemaAt(operation, path)
    return schema === undefined ? [] : [[name, schema] as const]
  })
  const all = [...named, ['Problem', problem] as const]
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)))
}

interface Parts {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly anyOf?: readonly TSchema[]
}

/**
 * `body`, `answer` or the media type of one of several answers; then the names of members, `[]` for what a list holds and
 * `|1` for the second of several choices.
 */
function schemaAt(
  { body, answer }: AnyOperation,
  [place = '', ...path]: readonly string[],
): TSchema | undefined {
  const byType = answer as Readonly<Record<string, TSchema>> | undefined
  const whole = place === 'body' ? body : place === 'answer' ? (answer as TSchema) : byType?.[place]
  return path.reduce(within, whole as TSchema | undefined)
}

function within(schema: TSchema | undefined, step: string): TSchema | undefined {
  const { items, anyOf, properties } = (schema ?? {}) as Parts
  if (step === '[]') return items
  return step.startsWith('|') ? anyOf?.[Number(step.slice(1))] : properties?.[step]
}
