import type { Command } from 'commander'
import type { Health } from '../../index.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { subcommand } from '../program.ts'
import { plural, properties } from '../text.ts'

export function addStatus(program: Command): void {
  subcommand(program, 'status', 'how the vault is').action(
    handled(async (cli) => {
      await withVault(cli, async (vault) => {
        const health = await vault.health()
        const { id: vaultId, verifier } = await vault.identity()
        const { projections: _, rejected: __, waiting: ___, ...about } = health
        const keyslots = (await vault.keyslots.list()).length
        await cli.out.result({ vaultId, verifier, keyslots, ...about }, () =>
          inWords(health, { vaultId, verifier, keyslots }),
        )
        warnOf(cli, health)
      })
    }),
  )
}

function inWords(
  health: Health,
  about: { vaultId: string; verifier: string; keyslots: number },
): string {
  const { freeBytes } = health
  return properties([
    ['status', health.status],
    ['vault', about.vaultId],
    ['at', health.location],
    ['verifier', about.verifier],
    ['events', health.size.toLocaleString('en')],
    ['secrets', health.secrets.toLocaleString('en')],
    ['keyslots', `${about.keyslots}`],
    ['failed unlocks', `${health.failedUnlocks}`],
    ['free space', freeBytes === undefined ? undefined : bytes(freeBytes)],
  ])
}

function warnOf(cli: Cli, { headFailure, keepFailure, failedUnlocks }: Health): void {
  if (headFailure !== undefined) {
    cli.out.warn(
      `the head beside the log cannot be written, so a cut log would not be noticed: ${headFailure}`,
    )
  }
  if (keepFailure !== undefined) cli.out.warn(`snapshots cannot be kept: ${keepFailure}`)
  if (failedUnlocks > 0) {
    cli.out.note(`${plural(failedUnlocks, 'failed unlock')}: muniment audit --type auth.failed`)
  }
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

function bytes(count: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10))
  return `${(count / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}
