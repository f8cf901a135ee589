// An auditor's first visit, told through the command line: npm run demo:auditor [-- --keep]
import { randomBytes } from 'node:crypto'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, tell } from './tell.js'

const operator = {
  MUNIMENT_VAULT: 'vault',
  MUNIMENT_PASSPHRASE_FILE: 'passphrase',
  MUNIMENT_ACTOR: 'user/ana',
}
/** The auditor has a backup and a passphrase of their own: no vault, and no operator at hand. */
const auditor = { MUNIMENT_VAULT: 'pay.backup', MUNIMENT_PASSPHRASE_FILE: 'auditor' }

/** What happened before the auditor came. */
const before = [
  'muniment init --no-recovery --json > made.json',
  'muniment import app.env --format dotenv --prefix pay',
  'muniment rotation-policy set --prefix pay/ --every 90d --reason "standard 4.2"',
  'muniment --actor svc/checkout run --env A=pay/DATABASE_PASSWORD --env B=pay/PAYMENT_API_KEY -- true',
  'muniment --actor user/bo get pay/PAYMENT_API_KEY --reveal --reason "on call, ticket 812"',
  'muniment --actor user/bo get pay/SESSION_SECRET --reveal',
  'muniment --actor user/ana rotate pay/PAYMENT_API_KEY --trigger compromise --reason "seen in a chat"',
  'muniment export pay/ --format json --reveal > copy.json',
]

const steps = [
  {
    title: 'Hand over',
    why:
      'The operator gives the auditor a keyslot that opens the history and no value, and a copy of the vault. The verifier ' +
      'goes another way, on the first day: it is what everything is checked against.',
    commands: [
      [
        'muniment keyslot add --auditor --label "auditor, 2026" --new-passphrase-file auditor',
        0,
        operator,
      ],
      ['muniment backup pay.backup', 0, operator],
    ],
  },
  {
    title: 'Is it whole, and is it what was signed?',
    why: 'Every event is read again and held against the checkpoints that the key on the slip of paper has signed.',
    commands: [['muniment verify --key "$(cat verifier)"']],
  },
  {
    title: 'Ask what auditors ask',
    why: 'Each answer is numbered from 1 to the last, with none missing, and each row names the event that it rests on.',
    commands: [
      ['muniment report rotation'],
      ['muniment report exposure --actor user/bo'],
      ['muniment report privileged'],
    ],
  },
  {
    title: 'Take it home',
    why:
      'One file holds every report, what proves it, and a page that checks the whole in a browser without a network. A ' +
      'report on its own has a manifest beside it, and is made again to see whether it comes out the same.',
    commands: [
      ['muniment report rotation --out rotation.html'],
      ['muniment report verify rotation.html'],
      ['muniment evidence --from 1d --out evidence.zip'],
    ],
  },
]

async function prepare(folder) {
  const secret = () => `${randomBytes(24).toString('base64url')}\n`
  for (const name of ['passphrase', 'auditor']) {
    await writeFile(join(folder, name), secret(), { mode: 0o600 })
  }
  await copyFile(new URL('app.env', import.meta.url), join(folder, 'app.env'))
  const env = { PATH: process.env.PATH, ...operator }
  for (const line of before) {
    const { code, stderr } = await run(line, { folder, env })
    if (code !== 0) throw new Error(stderr)
  }
  const { stdout } = await run('cat made.json', { folder, env })
  await writeFile(join(folder, 'verifier'), `${JSON.parse(stdout).verifier}\n`)
}

await tell({ title: "Muniment: an auditor's first visit", prepare, env: auditor, steps })
