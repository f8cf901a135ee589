import type { Vkey } from '../../proofs/vkey.ts'
import type { ReportHead } from '../report.ts'
import type { Finding } from './findings.ts'

/** A report as evidence has it. */
export interface CoveredReport {
  /** `R1`. */
  readonly number: string
  readonly controls: readonly string[]
  readonly head: ReportHead
  readonly rowCount: number
  /** How many rows have a finding. */
  readonly findings: number
  /** The first of them. */
  readonly found: readonly Finding[]
  /** Its outputs and its manifest, within the evidence. */
  readonly files: readonly string[]
}

/** A file of the evidence as it was written. */
export interface WrittenFile {
  /** With `/` between folders. */
  readonly name: string
  readonly bytes: number
  /** In hex. */
  readonly sha256: string
}

/** What the first page of evidence says. */
export interface Cover {
  readonly vkey: Vkey
  readonly isSigned: boolean
  /** Of the log as it was called then. */
  readonly origin: string
  readonly range: {
    readonly from: number
    readonly to: number
    readonly fromTime: number
    readonly toTime: number
  }
  readonly head: { readonly size: number; readonly root: string }
  /** How many events the checkpoint covers. */
  readonly covered: number
  /** How many events the earlier checkpoint covers, where there is one. */
  readonly earlier: number | undefined
  readonly reports: readonly CoveredReport[]
  /** Every file that the page can name: not itself, nor the list of files and what is made of that. */
  readonly files: readonly WrittenFile[]
}
