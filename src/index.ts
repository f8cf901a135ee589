export type { Explanation } from './access/explain.ts'
export {
  accessMatrix,
  type MatrixOptions,
  type MatrixRow,
  type MatrixRule,
  type MatrixToken,
} from './access/matrix.ts'
export { rootPolicy } from './access/policy.ts'
export { type Generator, generate } from './crypto/generate.ts'
export { kdfBounds } from './crypto/kdf.ts'
export { type Retry, VaultError, type VaultErrorCode, type VaultErrorDetails } from './errors.ts'
export type {
  EventContext,
  EventData,
  EventOf,
  EventType,
  PolicyRule,
  RotationScope,
  VaultEvent,
} from './events/catalogue.ts'
export { eventTypes } from './events/event-types.ts'
export { type Pattern, parsePattern } from './events/pattern.ts'
export {
  type Capability,
  capabilities,
  type RotationTrigger,
  rotationTriggers,
  type SecretType,
  secretTypes,
} from './events/words.ts'
export { measureKdf, type PassphraseOptions, passphrase } from './keys/passphrase.ts'
export { type RecoveryKey, recoveryKey } from './keys/recovery.ts'
export type { Share, ShareCount } from './keys/share.ts'
export { addShare, combineShares, type ShareSet, shares } from './keys/shares.ts'
export type { Credential, Unlock } from './keys/unlock.ts'
export {
  actorBytesMax,
  nameBytesMax,
  pathBytesMax,
  policyTextBytesMax,
  versionsMax,
} from './limits.ts'
export type { Appended } from './log/append-channel.ts'
export type { Clock } from './log/clock.ts'
export type { Commit } from './log/reader.ts'
export {
  type AccessState,
  access,
  type GrantRow,
  type PolicyRow,
  type RoleRow,
} from './projections/access.ts'
export { type AccessesState, type AccessRow, accesses } from './projections/accesses.ts'
export { type AppRoleRow, type AppRolesState, appRoles } from './projections/app-roles.ts'
export type { HandedOutRow } from './projections/handed-out.ts'
export { type Lifecycle, lifecycle } from './projections/lifecycle.ts'
export { plainState } from './projections/plain-state.ts'
export {
  defineProjection,
  FoldError,
  type Handlers,
  type Projection,
  type View,
} from './projections/projection.ts'
export {
  byPrecedence,
  maxAgeOf,
  type RotationFacts,
  type RotationJudgement,
  type RotationPoliciesState,
  type RotationPolicyRow,
  type RotationStatus,
  rotationPolicies,
  rotationStatusOf,
} from './projections/rotation-policies.ts'
export { type RotationRow, type RotationsState, rotations } from './projections/rotations.ts'
export {
  type SecretRow,
  type SecretsState,
  secrets,
  type VersionState,
} from './projections/secrets.ts'
export { isUsable, type TokenRow, type TokensState, tokens } from './projections/tokens.ts'
export { type VersionRow, type VersionsState, versions } from './projections/versions.ts'
export type { BuiltInReport } from './reports/contents/catalogue.ts'
export { type FormatName, formatNames } from './reports/formats/format.ts'
export type { Manifest, ManifestOutput, OutputFiles } from './reports/manifest.ts'
export {
  type Cell,
  type Chart,
  type Column,
  type ColumnType,
  defineReport,
  type EventReport,
  type FoldedReport,
  type NumberedRow,
  type OwnReport,
  type Report,
  type ReportAbout,
  type ReportBeside,
  type ReportHead,
  type ReportParams,
  type ReportRow,
  type ReportTotals,
} from './reports/report.ts'
export type { ReportRun, RunTotals } from './reports/run.ts'
export type { Output, OutputFile, OutputSink, WrittenReport } from './reports/write.ts'
export { HandedOutText } from './secret/handed-out-text.ts'
export type {
  JsonValue,
  SecretFields,
  SecretInput,
  SecretKind,
  SecretValue,
} from './secret/value.ts'
export { archiveStore } from './store/archive.ts'
export { type LevelStoreOptions, levelStore } from './store/level.ts'
export { memoryStore } from './store/memory.ts'
export {
  type CommitWrite,
  commitCount,
  type FileTable,
  type KeyChanges,
  type KeyRow,
  type KeyRowId,
  type KeyTable,
  type Row,
  type RowTable,
  type Store,
  type StoredCommit,
  type StoreOpener,
} from './store/port.ts'
export { formatDotenv } from './transfer/dotenv-export.ts'
export type {
  EntryVersion,
  ParsedTransfer,
  SkippedRow,
  TransferEntry,
} from './transfer/entry.ts'
export { formatJson, formatJsonParts } from './transfer/json-export.ts'
export { type ImportFormat, importFormats, parseTransfer } from './transfer/parse.ts'
export type { AccessChange } from './vault/access-call.ts'
export type { AnchorState } from './vault/anchoring.ts'
export type { AnchorPlace, Anchors } from './vault/anchors.ts'
export type { KnownAsOf, VaultAsOf } from './vault/as-of.ts'
export { AskedKeys } from './vault/asked-keys.ts'
export type { AuditEvent, AuditFollow, AuditPage, AuditQuery } from './vault/audit.ts'
export type { AuditFilter } from './vault/audit-filter.ts'
export { type BackedUp, type BackupOptions, writeBackup } from './vault/backup.ts'
export { BackupReader, type BackupReaderOptions, type BackupStatus } from './vault/backup-reader.ts'
export type { CallOptions } from './vault/call.ts'
export type { ScopeOptions } from './vault/calls.ts'
export type { VersionsChanged, VersionsOptions } from './vault/change-versions.ts'
export { checkpointKeptEvery, type SignedCheckpoint } from './vault/checkpoints.ts'
export type { ControlledVault } from './vault/control/controlled-vault.ts'
export type { ControlDesk } from './vault/control/desk.ts'
export type { OpenControlOptions } from './vault/control/remote/go-in.ts'
export { openControl } from './vault/control/remote/open-control.ts'
export type { ControlOptions, ServedControl } from './vault/control/serve-control.ts'
export {
  type ApiKeyCredential,
  type Credentials,
  credentials,
  type DatabaseCredential,
  type SecretStore,
} from './vault/credentials.ts'
export type { DiffOptions } from './vault/diff.ts'
export type { NotedChange, NotedType } from './vault/diff-noted.ts'
export type {
  DiffCounts,
  DiffEnd,
  FieldDiff,
  FieldValue,
  SecretChange,
  SecretDiff,
  SecretEnd,
  SecretStep,
  VaultDiff,
} from './vault/diff-shape.ts'
export type { ExplainedAccess, ExplainedActor, ExplainOptions } from './vault/explain.ts'
export type { Export } from './vault/export.ts'
export { type ChangeOptions, eventId } from './vault/given-id.ts'
export type { Health } from './vault/health.ts'
export type { Identity } from './vault/identity.ts'
export { type Imported, type ImportOptions, importSecrets } from './vault/import.ts'
export type { SecretInfo, VersionInfo } from './vault/info.ts'
export type { HistoryOptions, ListOptions, SecretPage } from './vault/inspect.ts'
export type { Key } from './vault/key-list.ts'
export type {
  Keys,
  KeysRotated,
  KeysShredded,
  RootRotated,
  RotateRootOptions,
  ScopedKeys,
  ShredOptions,
  SignerRotated,
} from './vault/keys.ts'
export type { Keyslot, KeyslotOptions, Keyslots, ScopedKeyslots } from './vault/keyslots.ts'
export type { Kv } from './vault/kv/kv.ts'
export type {
  KvAnnotateOptions,
  KvAnnotation,
  KvChildren,
  KvChildrenOptions,
  KvMetadata,
  KvRead,
  KvReadOptions,
  KvSettings,
  KvVersion,
  KvWriteOptions,
  KvWritten,
} from './vault/kv/kv-shape.ts'
export { type LiveProjection, type LiveStatus, type Projected, project } from './vault/live.ts'
export {
  keyslotsReader,
  type LockedKeyslot,
  lockedKeyslots,
  opensKeyslot,
} from './vault/locked-keyslots.ts'
export type { MetaOptions } from './vault/meta-options.ts'
export type { WriteOptions } from './vault/new-value.ts'
export type { CreateOptions, OpenOptions, VaultPlace } from './vault/options.ts'
export type { Policies, Policy, PolicyReader } from './vault/policies.ts'
export type {
  ProjectionEntry,
  ProjectionState,
  ProjectionStateOptions,
  ProjectionStates,
} from './vault/projection-states.ts'
export type { ConsistencyProof, EventProof, Proofs } from './vault/proofs.ts'
export type { ReachedOptions } from './vault/reached.ts'
export type { ReadOptions } from './vault/read.ts'
export type { AuditReader, SecretInspector, SecretReader } from './vault/readers.ts'
export type { AsOfOptions, Moment, PassOptions, Replayed, ReplayOptions } from './vault/replay.ts'
export { builtInReports } from './vault/reporting/built-in-reports.ts'
export type { Evidence, EvidenceOptions } from './vault/reporting/evidence.ts'
export { outputFile, outputFolder } from './vault/reporting/output-folder.ts'
export type { ReportOptions } from './vault/reporting/report-run.ts'
export type { GeneratedReport } from './vault/reporting/report-writing.ts'
export type { Reports, WriteReportOptions } from './vault/reporting/reports.ts'
export type { ReportVerification, VerifyReportOptions } from './vault/reporting/verify-report.ts'
export type { Grant, GrantOptions, Role, RoleReader, Roles } from './vault/roles.ts'
export type {
  RotationPolicies,
  RotationPolicy,
  RotationPolicyReader,
} from './vault/rotation-policies.ts'
export type { Scope } from './vault/scope.ts'
export { shownRow } from './vault/shown-projections.ts'
export type {
  AppRole,
  AppRoleOptions,
  IssuedSecretId,
  SecretIdInfo,
  SecretIdOptions,
} from './vault/tokens/app-role-info.ts'
export type { AppRoles } from './vault/tokens/app-roles.ts'
export type { RenewOptions } from './vault/tokens/change-token.ts'
export type { IssueOptions } from './vault/tokens/issue.ts'
export type { LoginRequest, ShownOptions } from './vault/tokens/shown.ts'
export { sourceGroup } from './vault/tokens/source-group.ts'
export type { IssuedToken, TokenInfo } from './vault/tokens/token-info.ts'
export { TokenScope } from './vault/tokens/token-scope.ts'
export type { Tokens } from './vault/tokens/tokens.ts'
export { Vault } from './vault/vault.ts'
export type { Verification, VerifyOptions } from './vault/verify.ts'
export { version } from './vault/version.ts'
export type { WatchOptions } from './vault/watch.ts'
export type {
  Annotated,
  NewValue,
  Rotated,
  RotateOptions,
  Written,
} from './vault/write.ts'
