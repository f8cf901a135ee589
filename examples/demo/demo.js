// A vault's life in one sitting: npm run demo [-- --keep]
//
// It is written to be read: each step is the code that a service or an operator would write.
import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { generate, passphrase, secrets, Vault, VaultError } from 'muniment'
import { readInputs } from './inputs.js'
import { day, masked, print, say, step, styled, table } from './show.js'
import { trailHeadings, trailRow } from './trail.js'

const { values: flags } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
const password = 'pay/db/password'
const token = 'pay/oauth/refresh'

const folder = await mkdtemp(join(tmpdir(), 'muniment-demo-'))
const place = {
  path: join(folder, 'vault'),
  unlock: passphrase.fromFile(join(folder, 'passphrase')),
  actor: 'user/ana',
}

try {
  print(styled('bold', 'Muniment: a vault whose every operation is an event in an encrypted log'))
  const vault = await createVault()
  try {
    await importFiles(vault)
    await rotatePassword(vault)
    await readPassword(vault)
    await beRefusedExpired(vault)
    await destroyOldVersion(vault)
  } finally {
    await vault.close()
  }
  const reopened = await reopenVault()
  try {
    await showState(reopened)
    await showTrail(reopened)
  } finally {
    await reopened.close()
  }
} finally {
  await leave()
}

async function createVault() {
  step(
    'Create a vault',
    'A folder of its own, and one keyslot: a passphrase, stretched by Argon2id, opens the keys. No event and no ' +
      'value in the folder can be read without it.',
  )
  const generated = randomBytes(24).toString('base64url')
  await writeFile(join(folder, 'passphrase'), `${generated}\n`, { mode: 0o600 })
  const vault = await Vault.create({ ...place, label: 'demo' })
  say('+', `vault at ${place.path}`)
  say('+', `passphrase ${masked} in a file beside it, mode 0600`)
  return vault
}

async function importFiles(vault) {
  step(
    'Import what a service keeps in files',
    'Each secret gets a type and a path; the expiry and the fingerprints are read out of the certificate and the ' +
      'key, so that nobody has to copy them. What is asked for together is one commit, synced once.',
  )
  const inputs = await readInputs()
  const commits = countCommits()
  await Promise.all(
    inputs.map(({ path, value, options }) =>
      vault.write(path, value, { ...options, reason: 'import' }),
    ),
  )
  const count = commits.stop()
  say('+', `${inputs.length} secrets written in ${count} ${count === 1 ? 'commit' : 'commits'}`)
  const { items } = await vault.list('pay/')
  table(
    ['path', 'type', 'value', 'expires', 'fingerprint'],
    items.map(({ path, type, expiresAt, fingerprint = '-' }) => ({
      cells: [path, type, masked, day(expiresAt), shortened(fingerprint)],
    })),
  )
}

async function rotatePassword(vault) {
  step(
    'Rotate the database password',
    'The new value comes from a generator, so that no person ever sees it, and the log says who did it and on what ' +
      'occasion.',
  )
  const { version, rotationCount } = await vault.rotate(password, generate.password(), {
    trigger: 'compromise',
    reason: 'seen in a support ticket',
  })
  say('+', `${password} is at version ${version}, rotated ${times(rotationCount)}`)
}

async function readPassword(vault) {
  step(
    'Read it, saying why',
    'The value is handed out only once the record of this access is on disk: there is no unrecorded read. Printed ' +
      'by accident, it does not show itself.',
  )
  const secret = await vault.read(password, { actor: 'svc/payments', reason: 'start-up' })
  say('+', `svc/payments has version ${secret.version}; console.log shows ${secret}`)
}

async function beRefusedExpired(vault) {
  step(
    'Be refused an expired token',
    'A refusal is a fact like any other: it is on disk before the caller hears of it, so an attempt leaves the same ' +
      'trace as a success.',
  )
  const refusal = await refused(() =>
    vault.read(token, { actor: 'svc/payments', reason: 'nightly settlement' }),
  )
  say('!', `${refusal.code}: ${refusal.message}`)
}

async function destroyOldVersion(vault) {
  step(
    'Destroy the password that leaked',
    'A version has a key of its own. Destroying it takes the key away in the same atomic write that records it; the ' +
      'log keeps its shape, and the value cannot be opened again.',
  )
  await vault.destroy(password, { versions: [1], reason: 'no longer valid anywhere' })
  say('+', `version 1 of ${password} is destroyed; version 2 stands`)
  const refusal = await refused(() => vault.read(password, { version: 1, reason: 'rollback' }))
  say('!', `${refusal.code}: ${refusal.message}`)
}

async function reopenVault() {
  step(
    'Close, guess wrongly, open again',
    'A wrong passphrase cannot append to the log, so it is noted beside it; the next opening puts it on record.',
  )
  const refusal = await refused(() => Vault.open({ ...place, unlock: passphrase('let me in') }))
  say('!', `${refusal.code}: ${refusal.message}`)
  const began = performance.now()
  const vault = await Vault.open(place)
  const took = Math.round(performance.now() - began)
  say('+', `opened with the passphrase in ${took} ms, Argon2id included`)
  return vault
}

async function showState(vault) {
  step(
    'Replay the log',
    'State is nothing but a fold of the events. Folded again from the first one it comes out the same, and it can be ' +
      'stopped at any moment.',
  )
  const [live, replayed] = [await vault.project(secrets), await vault.replay(secrets)]
  if (!isDeepStrictEqual(standing(live.view), standing(replayed.view))) {
    throw new Error('the replay differs from the live state')
  }
  say('+', `${replayed.position} events folded from the first: the same state as the live one`)
  const history = await vault.history(password)
  const before = await vault.replay(secrets, { at: { position: history[0].position - 1 } })
  const { version } = before.view.get(password)
  say('+', `just before the rotation ${password} was at version ${version}`)
  const { items } = await vault.list('pay/')
  table(
    ['path', 'version', 'state', 'rotations', 'reads', 'expires', 'changed by'],
    items.map((info) => ({
      cells: [
        info.path,
        String(info.version),
        info.expiresAt < new Date() ? 'expired' : info.state,
        String(info.rotationCount),
        String(info.accessCount),
        day(info.expiresAt),
        info.updatedBy,
      ],
    })),
  )
}

async function showTrail(vault) {
  step(
    'Read the audit trail',
    'The trail is not a second record that could disagree with the state: it is the log. Actors are named by the ' +
      'host that embeds the vault, and recorded as claimed.',
  )
  const events = []
  for await (const page of vault.audit.query()) events.push(...page.events)
  table(trailHeadings, events.map(trailRow))
  const denied = []
  for await (const page of vault.audit.query({ outcome: 'denied' })) denied.push(...page.events)
  print('')
  say('+', `${events.length} events on ${day(new Date(events[0].time))}, ${denied.length} refusals`)
}

/** Ends as a demo should: nothing of it stays, unless it was asked for. */
async function leave() {
  print('')
  if (flags.keep) {
    print(`Kept: ${folder} (the vault, and the passphrase that opens it).`)
    return
  }
  await rm(folder, { recursive: true, force: true })
  print(`Removed: ${folder}. With --keep it stays: npm run demo -- --keep`)
}

/** The refusal that a call must end in. */
async function refused(call) {
  try {
    await call()
  } catch (error) {
    if (error instanceof VaultError) return error
    throw error
  }
  throw new Error('expected a refusal, and the call went through')
}

/** Counts durable commits, by the channel on which a vault tells of them. */
function countCommits() {
  let count = 0
  const seen = () => {
    count++
  }
  subscribe('muniment:append', seen)
  return {
    stop: () => {
      unsubscribe('muniment:append', seen)
      return count
    },
  }
}

/** What a state says of each secret. */
function standing(view) {
  return new Map(
    [...view].map(([path, { version, state, position, meta }]) => [
      path,
      { version, state, position, meta },
    ]),
  )
}

/** As much of a fingerprint as a table has room for. */
function shortened(fingerprint) {
  return fingerprint.length > 20 ? `${fingerprint.slice(0, 18)}…` : fingerprint
}

function times(count) {
  return count === 1 ? 'once' : `${count} times`
}
