import { integer, map } from '../../events/check.ts'
import {
  hexHash,
  type Parsed,
  parseStatement,
  type Statement,
  type StatementKind,
  statementFields,
  statementText,
} from '../statement.ts'

/** What evidence is of, and by the hash of their list which files belong to it. */
export interface EvidenceStatement extends Statement {
  /** The first and the last event of the range; it ends before it begins where no event falls into it. */
  readonly range: { readonly from: number; readonly to: number }
  /** SHA-256 of `SHA256SUMS`, in hex. */
  readonly sums: string
}

const kind: StatementKind<EvidenceStatement> = {
  title: 'Muniment evidence statement, version 1',
  fields: {
    ...statementFields,
    range: map<EvidenceStatement['range']>({ from: integer(0), to: integer(-1) }),
    sums: hexHash,
  },
}

/** The text that the signature of an evidence statement is of. */
export function evidenceText(statement: EvidenceStatement): string {
  return statementText(kind.title, statement)
}

/** Reads an evidence statement; nothing is verified yet. Throws `INVALID`, saying what was expected, `TOO_LARGE`. */
export function parseEvidence(bytes: Uint8Array): Parsed<EvidenceStatement> {
  return parseStatement(bytes, kind)
}
