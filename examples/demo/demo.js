// A vault's life in one sitting, told through the command line: npm run demo [-- --keep]
import { randomBytes } from 'node:crypto'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tell } from './tell.js'

/** The story, in order: why, then what is typed. A number is the exit code that a refusal has. */
const steps = [
  {
    title: 'Make a vault',
    why:
      'A folder of its own. The passphrase, here in a file that only its owner may read, is stretched by Argon2id; no ' +
      'event, no path and no value in the folder can be read without it.',
    commands: [['muniment init --recovery-file recovery-key']],
  },
  {
    title: 'Bring in what a service keeps in files',
    why:
      'Values come from files or stdin, never from the command line, which every process of the machine can read. The ' +
      'expiry of the certificate and the fingerprints are read out of the values themselves.',
    commands: [
      ['muniment import app.env --format dotenv --prefix pay'],
      ['muniment set pay/tls --type certificate --from-file web.crt.pem'],
      ['muniment set pay/deploy-key --type ssh_key --from-file deploy_ed25519'],
      ['muniment annotate pay/OAUTH_REFRESH_TOKEN --type oauth_token --expires 2026-01-31'],
      ['muniment list'],
    ],
  },
  {
    title: 'Rotate a password that leaked',
    why: 'The new value is made here, so that no person ever sees it; the log says who did it, and on what occasion.',
    commands: [
      [
        'muniment rotate pay/DATABASE_PASSWORD --trigger compromise --reason "seen in a support ticket"',
      ],
    ],
  },
  {
    title: 'Run a program with it',
    why: 'The program gets the value in its environment, once the record of this access is on disk.',
    commands: [
      ["muniment run --env PASSWORD=pay/DATABASE_PASSWORD -- sh -c 'printenv PASSWORD | wc -c'"],
    ],
  },
  {
    title: 'Be refused',
    why: 'A refusal is a fact like any other: it is on disk before the caller hears of it.',
    commands: [
      ['muniment get pay/OAUTH_REFRESH_TOKEN --reveal', 8],
      ['muniment status --passphrase-file guess', 6],
    ],
  },
  {
    title: 'Destroy what leaked',
    why:
      'A version has a key of its own. Destroying it takes that key away in the same atomic write that records it; the ' +
      'log keeps its shape.',
    commands: [
      ['muniment destroy pay/DATABASE_PASSWORD --version 1'],
      ['muniment get pay/DATABASE_PASSWORD --version 1 --reveal', 8],
    ],
  },
  {
    title: 'Ask what happened',
    why: 'All of it was recorded, refusals and the wrong passphrase too, and all of it is folded from that record.',
    commands: [
      ['muniment history pay/DATABASE_PASSWORD'],
      ['muniment audit --subject pay/DATABASE_PASSWORD'],
      ['muniment audit --outcome denied'],
      ['muniment replay rotations'],
    ],
  },
  {
    title: 'Keep a copy elsewhere',
    why: 'A backup is one sealed file, checked as it is written. What it becomes is a vault of its own name.',
    commands: [['muniment backup pay.backup'], ['muniment restore pay.backup --vault restored']],
  },
]

async function prepare(folder) {
  const secret = () => `${randomBytes(24).toString('base64url')}\n`
  await writeFile(join(folder, 'passphrase'), secret(), { mode: 0o600 })
  await writeFile(join(folder, 'guess'), secret(), { mode: 0o600 })
  for (const name of ['app.env', 'web.crt.pem', 'deploy_ed25519']) {
    await copyFile(new URL(name, import.meta.url), join(folder, name))
  }
}

await tell({
  title: 'Muniment: a vault whose every operation is an event in an encrypted log',
  prepare,
  env: {
    MUNIMENT_VAULT: 'vault',
    MUNIMENT_PASSPHRASE_FILE: 'passphrase',
    MUNIMENT_ACTOR: 'user/ana',
  },
  steps,
})
