export { type Retry, VaultError, type VaultErrorCode, type VaultErrorDetails } from './errors.ts'
export {
  type Checkpoint,
  type Cosigner,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  type Trust,
} from './proofs/checkpoint.ts'
export { type Consistency, verifyConsistency } from './proofs/consistency.ts'
export { type EventJson, type ProvedEvent, verifyEventProof } from './proofs/event-proof.ts'
export { type Inclusion, verifyInclusion } from './proofs/inclusion.ts'
export { type Note, type NoteSignature, parseNote } from './proofs/note.ts'
export {
  type ProofFile,
  type ProvedEntry,
  parseProofFile,
  verifyProofFile,
} from './proofs/proof-file.ts'
export { leafHash } from './proofs/tree.ts'
export { formatVkey, parseVkey, type SignatureType, type Vkey } from './proofs/vkey.ts'
export {
  type Manifest,
  type ManifestOutput,
  type OutputFiles,
  parseManifest,
  type VerifiedReport,
  verifyReport,
} from './reports/manifest.ts'
export type { Parsed, Statement } from './reports/statement.ts'
