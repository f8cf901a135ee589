import { breather } from '../breather.ts'
import { VaultError } from '../errors.ts'
import { expectOngoing } from '../ongoing.ts'

export interface PlainOptions {
  /** What is shown of each row, where the state is a map; the row itself unless said. */
  readonly row?: (row: unknown) => unknown
  readonly signal?: AbortSignal | undefined
}

/** How deep a state may be nested: one that holds itself has no end. */
const depthMax = 64
/** Members that are written before other work of the process may get its turn. */
const membersAtOnce = 64

/** What has members, on its way into JSON: those of the moment when it was come upon. */
interface Frame {
  /** Names of the members; absent of a list. */
  readonly keys?: readonly unknown[]
  readonly values: readonly unknown[]
  readonly row?: PlainOptions['row']
  /** The next of them. */
  at: number
  readonly shown: unknown[] | Record<string, unknown>
}

/**
 * A projection's state as JSON has it: maps as objects, sets as lists, bytes in hexadecimal digits, dates in ISO 8601,
 * functions left out. Other work of the process gets its turn meanwhile. The rows of a map are those of the moment of the call,
 * however the map moves on; what is in any other state must not change until this resolves. Throws `INVALID` for a state that is
 * nested more than 64 deep, `ABORTED`.
 *
 * @example
 * const live = await vault.project(rotations)
 * console.log(JSON.stringify(await plainState(live.view)))
 */
export async function plainState(state: unknown, options: PlainOptions = {}): Promise<unknown> {
  const { row, signal } = options
  const top = frameOf(state, row)
  if (top === undefined) return scalar(state)
  const breathe = breather()
  const frames = [top]
  for (let done = 1; frames.length > 0; done++) {
    if (done % membersAtOnce === 0) {
      await breathe()
      expectOngoing(signal)
    }
    step(frames, frames.at(-1) as Frame)
  }
  return top.shown
}

/** Takes the next member of the innermost. */
function step(frames: Frame[], frame: Frame): void {
  const { keys, values, row, at } = frame
  if (at === values.length) {
    frames.pop()
    return
  }
  frame.at++
  const value = row === undefined ? values[at] : row(values[at])
  const inner = frameOf(value)
  put(frame, keys?.[at], inner === undefined ? scalar(value) : inner.shown)
  if (inner === undefined) return
  if (frames.length === depthMax) {
    throw new VaultError('INVALID', `the state is nested more than ${depthMax} deep`)
  }
  frames.push(inner)
}

/** An empty one of what a value with members is in JSON, and what goes into it. */
function frameOf(value: unknown, row?: PlainOptions['row']): Frame | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (value instanceof Uint8Array || value instanceof Date) return undefined
  if (Array.isArray(value)) return { values: value, at: 0, shown: [] }
  if (value instanceof Set) return { values: [...value], at: 0, shown: [] }
  if (isMapLike(value)) {
    // Two lists are copied far faster than so many pairs.
    const [keys, values] = [Array.from(value.keys()), Array.from(value.values())]
    return { keys, values, row, at: 0, shown: {} }
  }
  return { keys: Object.keys(value), values: Object.values(value), at: 0, shown: {} }
}

/** What a value without members is in JSON; undefined for what JSON does not have. */
function scalar(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  return value
}

function put({ shown }: Frame, key: unknown, value: unknown): void {
  if (Array.isArray(shown)) {
    shown.push(value ?? null)
    return
  }
  if (value === undefined) return
  const name = key instanceof Uint8Array ? Buffer.from(key).toString('hex') : String(key)
  if (name !== '__proto__') shown[name] = value
  else Object.defineProperty(shown, name, { value, enumerable: true, configurable: true })
}

/** A map or, as a projection's view is, what reads like one. */
export function isMapLike(state: unknown): state is ReadonlyMap<unknown, unknown> {
  if (state instanceof Map) return true
  if (typeof state !== 'object' || state === null) return false
  const { get, keys, entries }: Record<string, unknown> = Object(state)
  return [get, keys, entries].every((each) => typeof each === 'function')
}
