import { VaultError } from '../errors.ts'
import { contextBytesMax, eventBytesMax, timeMsMax } from '../limits.ts'
import type { EventContext, EventData, EventType, VaultEvent } from './catalogue.ts'
import { describeFault } from './check.ts'
import {
  actorShape,
  contextShape,
  dataShape,
  isEventType,
  type Shape,
  subjectShape,
} from './shape.ts'
import { currentSchema, upcast, type Versioned } from './upcast.ts'
import { isUuidv7, uuidText } from './uuid.ts'
import {
  type Reader,
  readByte,
  readInt64,
  readText,
  readValue,
  refuse,
  skipValue,
  take,
} from './value-reader.ts'
import { isMap, type Value } from './value-writer.ts'

/** Where an event lies: bytes `start` to `end` of a commit's plaintext, at a position of the log. */
export interface EventPlace {
  readonly start: number
  readonly end: number
  readonly position: number
}

/**
 * Decodes the envelope of an event; its grammar stands in `encode.ts`. `id`, `context` and `data` are decoded, and
 * checked, when first read. The event holds the buffer for as long as it is held itself: the plaintext of a commit, in
 * which values are sealed boxes. It reads like plain data except to spreading, cloning and comparing, for which
 * `plainEvent` makes a copy.
 *
 * The characters of actor and subject are not judged: their classes change with the versions of Unicode, and an
 * older runtime must read what a newer one wrote.
 *
 * @throws VaultError `UNSUPPORTED` for a type or schema of a newer release, `INTEGRITY` for anything else that
 *   `encodeEvent` does not write, both naming the position. Reading `context` or `data` may throw `INTEGRITY`
 */
export function decodeEvent(bytes: Uint8Array, { start, end, position }: EventPlace): VaultEvent {
  if (end - start > eventBytesMax) {
    throw refuse(position, `expected at most ${eventBytesMax} bytes, found ${end - start}`)
  }
  // `VaultEvent` says of each type what this class says of all; checking `data` by its type makes that true.
  return new LazyEvent({ bytes: asBuffer(bytes), at: start, end, position }) as VaultEvent
}

/**
 * An event as a plain object, all of it decoded and checked, independent of the commit it came in.
 *
 * @throws VaultError `INTEGRITY` as reading `context` and `data` does
 */
export function plainEvent(event: VaultEvent): VaultEvent {
  const { position, schema, id, type, time, actor, subject, context, data } = event
  return { position, schema, id, type, time, actor, subject, context, data } as VaultEvent
}

/**
 * The time of an event, in milliseconds since the epoch, without decoding the rest: for a search by time.
 *
 * @throws VaultError `INTEGRITY` where no event begins
 */
export function peekTime(bytes: Uint8Array, { start, end, position }: EventPlace): number {
  const reader: Reader = { bytes: asBuffer(bytes), at: start, end, position }
  readArrayOfEight(reader)
  readSchema(reader)
  readId(reader)
  readText(reader)
  return readTime(reader)
}

class LazyEvent {
  readonly position: number
  /** The schema that `data` follows, lifted if need be from the one that was stored. */
  readonly schema: number
  readonly type: EventType
  readonly time: number
  readonly actor: string
  readonly subject: string
  readonly #reader: Reader
  readonly #storedSchema: number
  readonly #idAt: number
  readonly #contextAt: number
  #id: string | undefined
  #context: EventContext | undefined
  #data: EventData[EventType] | undefined

  constructor(reader: Reader) {
    readArrayOfEight(reader)
    const storedSchema = readSchema(reader)
    const idAt = readId(reader)
    this.type = readType(reader)
    this.schema = knownSchema(reader, this.type, storedSchema)
    this.position = reader.position
    this.time = readTime(reader)
    this.actor = expectShape(reader, actorShape, readText(reader)) as string
    this.subject = expectShape(reader, subjectShape, readText(reader)) as string
    this.#reader = reader
    this.#storedSchema = storedSchema
    this.#idAt = idAt
    this.#contextAt = reader.at
  }

  get id(): string {
    this.#id ??= uuidText(this.#reader.bytes, this.#idAt)
    return this.#id
  }

  get context(): EventContext {
    this.#context ??= readContext(this.#reader, this.#contextAt)
    return this.#context
  }

  get data(): EventData[EventType] {
    this.#data ??= this.#readData()
    return this.#data
  }

  #readData(): EventData[EventType] {
    const reader = this.#reader
    reader.at = this.#contextAt
    skipValue(reader)
    const stored = { schema: this.#storedSchema, data: readValue(reader) }
    if (reader.at !== reader.end) throw refuse(reader.position, 'expected no bytes behind data')
    const value = stored.schema === this.schema ? stored.data : lift(reader, this.type, stored)
    return expectShape(reader, dataShape(this.type), value) as EventData[EventType]
  }

  toJSON(): unknown {
    return printable(plainEvent(this as VaultEvent))
  }

  [Symbol.for('nodejs.util.inspect.custom')](): VaultEvent {
    return plainEvent(this as VaultEvent)
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function readArrayOfEight(reader: Reader): void {
  if (readByte(reader) !== 0x98) throw refuse(reader.position, 'expected an array of eight')
}

function readSchema(reader: Reader): number {
  const schema = readValue(reader)
  if (typeof schema === 'number' && schema >= 1) return schema
  throw refuse(reader.position, 'schema: expected an integer from 1')
}

function readId(reader: Reader): number {
  const head = take(reader, 18)
  const { bytes } = reader
  if (bytes[head] !== 0xc4 || bytes[head + 1] !== 16 || !isUuidv7(bytes, head + 2)) {
    throw refuse(reader.position, 'id: expected a UUID of version 7 in 16 bytes')
  }
  return head + 2
}

function readType(reader: Reader): EventType {
  const type = readText(reader)
  if (isEventType(type)) return type
  throw new VaultError('UNSUPPORTED', `event ${reader.position}: type is not known to this release`)
}

function knownSchema(reader: Reader, type: EventType, stored: number): number {
  const schema = currentSchema(type)
  if (stored <= schema) return schema
  throw new VaultError(
    'UNSUPPORTED',
    `event ${reader.position}: ${type} has schema ${stored}, this release reads up to ${schema}`,
    { expected: schema, found: stored },
  )
}

function readTime(reader: Reader): number {
  if (readByte(reader) !== 0xd3) throw refuse(reader.position, 'time: expected an int64')
  const time = readInt64(reader)
  if (time >= 0 && time <= timeMsMax) return time
  throw refuse(reader.position, `time: expected an integer from 0 to ${timeMsMax}`)
}

function readContext(reader: Reader, start: number): EventContext {
  reader.at = start
  const value = readValue(reader)
  const size = reader.at - start
  if (size > contextBytesMax) {
    const problem = `context: expected at most ${contextBytesMax} bytes, found ${size}`
    throw refuse(reader.position, problem)
  }
  return expectShape(reader, contextShape, value) as EventContext
}

/** An upcaster was written for data of its schema; whatever else it meets is not the fault of the one who reads. */
function lift(reader: Reader, type: EventType, stored: Versioned): Value {
  try {
    return upcast(type, stored).data
  } catch (cause) {
    const message = `event ${reader.position}: data does not follow schema ${stored.schema}`
    throw new VaultError('INTEGRITY', message, { cause })
  }
}

function expectShape(reader: Reader, shape: Shape, value: unknown): unknown {
  const fault = shape.check(value)
  if (fault !== undefined) throw refuse(reader.position, describeFault(shape.name, fault))
  return value
}

/** Bytes as base64, as JSON has none. */
function printable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(printable)
  if (!isMap(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, printable(field)]))
}
