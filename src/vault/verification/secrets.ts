import type { EventOf, VaultEvent } from '../../events/catalogue.ts'
import { keyIdName } from '../../keys/box.ts'
import { type ChangeType, isChange } from '../../projections/versions.ts'
import type { Holes } from './holes.ts'
import type { Problems } from './problem.ts'

/** A version as the events tell it, whose key must be in the store or be gone accordingly. */
export interface HeldVersion {
  /** Of the event that wrote it, and of that one's commit, with which its key row lies. */
  readonly position: number
  readonly first: number
  state: 'live' | 'deleted' | 'destroyed'
}

/** One life of a path, from its first version to its purge. */
interface Life {
  readonly versions: (HeldVersion & { readonly keyId: string })[]
  /** Position of its newest change. */
  last: number
  /** How many holes there were when the chain of changes was last seen whole: later ones may hide changes. */
  holes: number
  /** Changes of it lie in a hole: not every version is known. */
  readonly torn: boolean
}

interface History {
  readonly lives: Map<string, Life>
  readonly versions: Map<string, HeldVersion>
  readonly holes: Holes
  readonly problems: Problems
}

export interface SecretsCheck {
  /** `first` is that of the event's commit. */
  event(event: VaultEvent, first: number): void
  /** Every version there ever was, by the name of its key. */
  readonly versions: ReadonlyMap<string, HeldVersion>
}

/**
 * Whether each event of a secret could happen when it did. After events that could not be read nothing is held against
 * what they may have changed: the chain of changes, in which each names the one before it, tells what that is.
 */
export function checkSecrets(about: Pick<History, 'holes' | 'problems'>): SecretsCheck {
  const history: History = { ...about, lives: new Map(), versions: new Map() }
  return {
    event: (event, first) => {
      if (event.type === 'secret.accessed') expectLive(history, event)
      else if (isChange(event)) change(history, event, first)
    },
    versions: history.versions,
  }
}

type Change = EventOf<ChangeType>
type NewVersion = EventOf<'secret.written' | 'secret.rotated'>

/** A change of a life, in the commit that begins at `first`. */
interface Told<E extends VaultEvent> {
  readonly history: History
  readonly life: Life
  readonly event: E
  readonly first: number
}

/** What a change does to the versions of its secret, and whether it could. */
const effects: { readonly [T in ChangeType]: (told: Told<EventOf<T>>) => void } = {
  'secret.written': add,
  'secret.rotated': (told) => {
    if (told.life.versions.length === 0) impossible(told, 'there is nothing to rotate')
    add(told)
  },
  'secret.annotated': (told) => {
    if (told.life.versions.length === 0) impossible(told, 'the secret is not there')
  },
  'secret.deleted': (told) => {
    for (const version of told.event.data.versions) move(told, version, deletion)
  },
  'secret.restored': (told) => {
    for (const version of told.event.data.versions) move(told, version, restoration)
  },
  'secret.destroyed': (told) => {
    for (const { version, keyId } of told.event.data.versions) {
      const held = told.life.versions[version - 1]
      if (held !== undefined && held.keyId !== keyIdName(keyId)) {
        impossible(told, `version ${version} has another key`)
      }
      move(told, version, destruction)
    }
  },
  'secret.purged': (told) => {
    const { history, life, event } = told
    history.lives.delete(event.subject)
    if (event.data.version !== life.versions.length) {
      impossible(told, `the newest version is ${life.versions.length}`)
    }
    if (life.versions.some(({ state }) => state !== 'destroyed')) {
      impossible(told, 'it leaves a version behind')
    }
  },
}

interface Move {
  readonly from: readonly HeldVersion['state'][]
  readonly to: HeldVersion['state']
}

const deletion: Move = { from: ['live'], to: 'deleted' }
const restoration: Move = { from: ['deleted'], to: 'live' }
const destruction: Move = { from: ['live', 'deleted'], to: 'destroyed' }

function change(history: History, event: Change, first: number): void {
  const life = continuedBy(history, event)
  life.last = event.position
  life.holes = history.holes.count
  history.lives.set(event.subject, life)
  const effect = effects[event.type] as (told: Told<Change>) => void
  effect({ history, life, event, first })
}

/** The life that a change continues, or begins. */
function continuedBy({ lives, holes, problems }: History, event: Change): Life {
  const { previous } = event.data
  const life = lives.get(event.subject)
  const fresh: Life = { versions: [], last: event.position, holes: holes.count, torn: false }
  if (previous === life?.last) return life ?? fresh
  if (previous !== undefined && holes.has(previous)) return { ...(life ?? fresh), torn: true }
  // Its purge may lie in a hole.
  if (previous === undefined && life !== undefined && life.holes < holes.count) return fresh
  const [expected, found] = [life?.last ?? 'none', previous ?? 'none']
  problems.add(
    'chain',
    `event ${event.position} names ${found} as the change before it, expected ${expected}`,
    event.position,
  )
  return life ?? fresh
}

function add({ history, life, event, first }: Told<NewVersion>): void {
  const { problems, versions } = history
  const { position, data } = event
  const expected = life.versions.length + 1
  if (data.version !== expected && !life.torn) {
    const message = `event ${position} makes version ${data.version}, expected ${expected}`
    problems.add('version', message, position)
  }
  const keyId = keyIdName(data.keyId)
  const held = { position, first, state: 'live' as const, keyId }
  life.versions[data.version - 1] = held
  const other = versions.get(keyId)
  if (other === undefined) {
    versions.set(keyId, held)
    return
  }
  const message = `event ${position} has the value key of the version at ${other.position}`
  problems.add('key-id', message, position)
}

function move(told: Told<Change>, version: number, { from, to }: Move): void {
  const held = told.life.versions[version - 1]
  if (held === undefined) {
    impossible(told, `version ${version} is not there`)
    return
  }
  if (!from.includes(held.state)) impossible(told, `version ${version} is ${held.state}`)
  held.state = to
}

function impossible({ history, life, event }: Told<Change>, why: string): void {
  if (!life.torn) refute(history.problems, event, why)
}

function refute(problems: Problems, { position, type }: VaultEvent, why: string): void {
  problems.add('state', `event ${position} (${type}) cannot have happened: ${why}`, position)
}

function expectLive({ lives, holes, problems }: History, event: EventOf<'secret.accessed'>): void {
  const { version } = event.data
  const life = lives.get(event.subject)
  const isCertain = life === undefined ? holes.count === 0 : life.holes === holes.count
  if (!isCertain || life?.torn === true) return
  const state = life?.versions[version - 1]?.state ?? 'not there'
  if (state !== 'live') refute(problems, event, `version ${version} is ${state}`)
}
