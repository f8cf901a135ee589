import type { RemoteVault } from '../../client.ts'
import { type ControlledVault, outputFile, outputFolder, writeBackup } from '../../index.ts'

/** What a client of a server cannot do by itself: it knows no files, and the command line works with paths. */
type WithFiles = Pick<ControlledVault, 'backup' | 'reports'>

/** The verbs of a server's vault that make files, given paths. What they make is whole, or not there. */
export function withFiles({
  reports,
  ...vault
}: Pick<RemoteVault, 'reports' | 'backupBytes'>): WithFiles {
  return {
    backup: (path, options = {}) => writeBackup(path, vault.backupBytes(options)),
    reports: {
      ...reports,
      write: (report, { to, ...options }, call) => {
        const sink = typeof to === 'string' ? outputFolder(to) : to
        return reports.write(report, { ...options, to: sink }, call)
      },
      evidence: async ({ to, ...options }, call) => {
        const file = typeof to === 'string' ? await outputFile(to) : to
        return reports.evidence({ ...options, to: file }, call)
      },
    },
  }
}
