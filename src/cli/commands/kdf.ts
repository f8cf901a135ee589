import type { Command } from 'commander'
import { measureKdf } from '../../index.ts'
import { handled } from '../cli.ts'
import { subcommand } from '../program.ts'
import { properties } from '../text.ts'

export function addKdf(program: Command): void {
  const kdf = subcommand(program, 'kdf', 'how passphrases become keys')
  subcommand(kdf, 'bench', 'how long an unlock takes on this machine').action(
    handled(async ({ out }) => {
      const argon2id_ms = Math.round(await measureKdf())
      const pbkdf2_ms = Math.round(await measureKdf({ kdf: 'pbkdf2' }))
      await out.result({ argon2id_ms, pbkdf2_ms }, () =>
        properties([
          ['argon2id', `${argon2id_ms} ms (64 MiB, 3 passes, 4 lanes)`],
          ['pbkdf2', `${pbkdf2_ms} ms (HMAC-SHA-256, 600,000 iterations)`],
        ]),
      )
    }),
  )
}
