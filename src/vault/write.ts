import type { Asked, Wanted } from '../access/asked.ts'
import type { Generator } from '../crypto/generate.ts'
import {
  annotate as decideAnnotate,
  rotate as decideRotate,
  write as decideWrite,
  failRotation,
} from '../decide/write.ts'
import { VaultError } from '../errors.ts'
import type { VaultEvent } from '../events/catalogue.ts'
import { checkPath } from '../events/path.ts'
import { type RotationTrigger, rotationTriggers } from '../events/words.ts'
import { encodeValue } from '../keys/value.ts'
import type { Command } from '../log/queue.ts'
import type { SecretInput } from '../secret/value.ts'
import { type Call, permitted } from './call.ts'
import type { Engine } from './engine.ts'
import { appendOnce, checkId, isDone, type Once, oneByOne } from './given-id.ts'
import { readMeta } from './meta-options.ts'
import { rightsToChange } from './meta-rights.ts'
import { checkIfVersion, newValue, type WriteOptions } from './new-value.ts'
import { underPolicy } from './permit.ts'

export interface RotateOptions extends WriteOptions {
  /** `manual` unless said. */
  readonly trigger?: RotationTrigger
}

export interface Written {
  readonly path: string
  readonly version: number
  /** Of its event. */
  readonly position: number
  /** Of its event: `outcome(id)` finds it. */
  readonly id: string
  /** Whether the value differs from the one before. */
  readonly changed: boolean
}

export interface Rotated extends Written {
  readonly rotationCount: number
}

export interface Annotated {
  readonly path: string
  readonly version: number
  readonly position: number
}

/** A new value, or what makes one: `generate.password()`, or a function of the host's. */
export type NewValue = SecretInput | Generator | (() => SecretInput | Promise<SecretInput>)

export async function writeSecret(
  engine: Engine,
  call: Call,
  request: { path: string; value: SecretInput; options: WriteOptions },
): Promise<Written> {
  const next = newValue(engine, request)
  const command = next.command(call, (intent, at) =>
    decideWrite(engine.state.secrets.fold.state, intent, at),
  )
  const { path: subject } = request
  const wanted: Wanted = {
    operation: 'write',
    subject,
    besides: rightsToChange(engine, subject, next.patch),
  }
  const once: Once = {
    id: checkId(request.options.id),
    verb: 'write',
    path: subject,
    options: next.patch,
    plain: next.plain,
  }
  return writtenOf(await appendOnce(engine, call, { wanted, command, once }))
}

export async function rotateSecret(
  engine: Engine,
  call: Call,
  request: { path: string; value: NewValue; options: RotateOptions },
): Promise<Rotated> {
  const { path } = request
  // A copy, as a value takes its time to be made: what is judged before that is what is written after it.
  const options = typed({ ...request.options }, request.value)
  const trigger = checkTrigger(options.trigger ?? 'manual')
  checkPath(path)
  const patch = readMeta(options)
  checkIfVersion(options.ifVersion)
  const made = isMade(request.value)
  const once: Once = {
    id: checkId(options.id),
    verb: 'rotate',
    path,
    options: { ...patch, trigger, made },
    answered: () => ({ rotations: rotationsOf(engine, path) + 1 }),
  }
  const wanted: Wanted = {
    operation: 'rotate',
    subject: path,
    besides: rightsToChange(engine, path, patch),
  }
  const asked = { path, trigger, options, made, once, wanted }
  if (!made) return rotateTo(engine, call, { ...asked, value: request.value as SecretInput })
  // Before a function of the host's sets a password somewhere, which nobody may have allowed.
  await permitted(engine, call, wanted)
  const make = () => rotateToMade(engine, call, { ...asked, value: request.value })
  return once.id === undefined ? make() : oneByOne(engine, call, { id: once.id, work: make })
}

interface Rotation {
  readonly path: string
  readonly trigger: RotationTrigger
  readonly options: RotateOptions
  readonly made: boolean
  readonly once: Once
  readonly wanted: Wanted
}

async function rotateToMade(
  engine: Engine,
  call: Call,
  { value, ...asked }: Rotation & { readonly value: NewValue },
): Promise<Rotated> {
  const { path, trigger, once, wanted } = asked
  if (once.id !== undefined && isDone(engine, once.id)) {
    // The first value stands: none is made, and none is compared.
    const command = nothingNew(call, path)
    return rotatedOf(engine, await appendOnce(engine, call, { wanted, command, once }))
  }
  const made = await makeValue(value).catch(() => recordFailure(engine, call, { path, trigger }))
  return rotateTo(engine, call, { ...asked, value: made })
}

async function rotateTo(
  engine: Engine,
  call: Call,
  about: Rotation & { readonly value: SecretInput },
): Promise<Rotated> {
  const { path, value, trigger, options, wanted } = about
  const next = newValue(engine, { path, value, options })
  const command = next.command(call, (intent, at) =>
    decideRotate(engine.state.secrets.fold.state, { ...intent, trigger }, at),
  )
  // One that is made is another each time.
  const once = { ...about.once, ...(!about.made && { plain: next.plain }) }
  return rotatedOf(engine, await appendOnce(engine, call, { wanted, command, once }))
}

/** Of a change that was made before. */
function nothingNew({ actor, context }: Call, path: string): Command {
  return {
    actor,
    context,
    aggregate: path,
    decide: () => {
      throw new RangeError('a change that was made before is not decided again')
    },
  }
}

function rotationsOf(engine: Engine, path: string): number {
  return engine.state.rotations.fold.state.get(path)?.count ?? 0
}

function rotatedOf(engine: Engine, events: readonly VaultEvent[]): Rotated {
  const written = writtenOf(events)
  const count = events[0]?.context.given?.rotations ?? rotationsOf(engine, written.path)
  return { ...written, rotationCount: count }
}

export async function annotateSecret(
  engine: Engine,
  call: Call,
  { path, options }: { path: string; options: WriteOptions },
): Promise<Annotated> {
  const { ifVersion } = options
  checkPath(path)
  checkIfVersion(ifVersion)
  const id = checkId(options.id)
  const patch = readMeta(options)
  if (Object.keys(patch).length === 0)
    throw new VaultError('INVALID', 'annotate was given nothing to change')
  const intent = { path, patch, ...(ifVersion !== undefined && { ifVersion }) }
  const secrets = engine.state.secrets.fold
  const command: Command = {
    actor: call.actor,
    context: call.context,
    aggregate: path,
    decide: () => decideAnnotate(secrets.state, intent),
  }
  const wanted: Wanted = {
    operation: 'annotate',
    subject: path,
    besides: rightsToChange(engine, path, patch),
  }
  const versionNow = () => secrets.state.get(path)?.version ?? 0
  const once: Once = {
    id,
    verb: 'annotate',
    path,
    options: patch,
    answered: () => ({ version: versionNow() }),
  }
  const [event] = await appendOnce(engine, call, { wanted, command, once })
  const version = event?.context.given?.version ?? versionNow()
  return { path, version, position: event?.position ?? -1 }
}

/** A made value is checked where it is made: one that a secret cannot hold is the generator's failure. */
async function makeValue(value: NewValue): Promise<SecretInput> {
  if (!isMade(value)) return value
  const made = typeof value === 'function' ? await value() : value.make()
  encodeValue(made)
  return made
}

export function isMade(value: NewValue): value is Exclude<NewValue, SecretInput> {
  return typeof value === 'function' || isGenerator(value)
}

export function isGenerator(value: NewValue): value is Generator {
  return (
    typeof value === 'object' &&
    value !== null &&
    'make' in value &&
    typeof value.make === 'function'
  )
}

/** A generator that knows what it makes says the type, unless the caller does. */
function typed(options: RotateOptions, value: NewValue): RotateOptions {
  if (options.type !== undefined || typeof value === 'function' || !isGenerator(value))
    return options
  return value.type === undefined ? options : { ...options, type: value.type }
}

/**
 * The old value stands, and the log says that the rotation failed; then the caller hears of it. Not of the generator's
 * own error, which may quote the value that was to be set: `ALTER USER app PASSWORD '…'`.
 */
async function recordFailure(
  engine: Engine,
  call: Call,
  { path, trigger }: { path: string; trigger: RotationTrigger },
): Promise<never> {
  const failure = new VaultError(
    'INVALID',
    `the generator of a new value for ${path} failed; the old one stands`,
    { path },
  )
  const command: Command = {
    actor: call.actor,
    context: call.context,
    aggregate: path,
    decide: () => failRotation(engine.state.secrets.fold.state, { path, trigger, failure }),
  }
  const asked: Asked = { operation: 'rotate', subject: path }
  await engine.append(underPolicy(call, asked, command), call.limits)
  throw failure
}

function checkTrigger(trigger: RotationTrigger): RotationTrigger {
  if (rotationTriggers.includes(trigger)) return trigger
  throw new VaultError('INVALID', `trigger must be one of ${rotationTriggers.join(', ')}`)
}

export function writtenOf(events: readonly VaultEvent[]): Written {
  const [event] = events
  if (event?.type !== 'secret.written' && event?.type !== 'secret.rotated') {
    throw new RangeError('a write appends what it wrote')
  }
  const { position, id, subject, data } = event
  return { path: subject, version: data.version, position, id, changed: data.changed }
}
