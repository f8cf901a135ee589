import { VaultError } from '../errors.ts'
import { contextBytesMax, eventBytesMax, timeMsMax } from '../limits.ts'
import type { DraftEvent } from './catalogue.ts'
import { describeFault } from './check.ts'
import { actorShape, contextShape, dataShape, type Shape, subjectShape } from './shape.ts'
import { currentSchema } from './upcast.ts'
import { isUuidv7, writeUuid } from './uuid.ts'
import { createWriter, putInt64, reserve, type Writer, writeValue } from './value-writer.ts'

/**
 * event := 98 ‖ schema uint ‖ c4 10 id(16) ‖ type text ‖ d3 time i64 ‖ actor text ‖ subject text
 *             ‖ context map ‖ data map
 *
 * A msgpack array of eight that any msgpack library reads; `value-writer.ts` holds the grammar of its parts. The time
 * alone is not in its shortest form, so that its width does not depend on its value.
 */

const scratchBytes = 4096
let scratch = createWriter(scratchBytes)

/**
 * Encodes an event, having checked it against the catalogue and the limits.
 *
 * @throws VaultError `INVALID` or `TOO_LARGE`, naming the field and never its content
 */
export function encodeEvent(draft: DraftEvent): Buffer {
  scratch.length = 0
  encodeEventInto(scratch, draft)
  const bytes = Buffer.from(scratch.bytes.subarray(0, scratch.length))
  if (scratch.bytes.length > scratchBytes) scratch = createWriter(scratchBytes)
  return bytes
}

/**
 * Appends an event to what a writer holds, so that a batch needs one buffer and no copy. When it throws, the writer
 * holds what it held.
 *
 * @throws VaultError as `encodeEvent` does
 */
export function encodeEventInto(writer: Writer, draft: DraftEvent): void {
  const start = writer.length
  try {
    append(writer, draft)
    expectAtMost(eventBytesMax, writer.length - start, 'event')
  } catch (error) {
    writer.length = start
    throw error
  }
}

function append(writer: Writer, draft: DraftEvent): void {
  const { type } = draft
  const shape = dataShape(type)
  const schema = currentSchema(type)
  if (draft.schema !== schema) throw invalid('schema', `${schema}, the current one of ${type}`)
  reserve(writer, 1)
  writer.bytes[writer.length++] = 0x98
  writeValue(writer, schema, 'schema')
  appendId(writer, draft.id)
  writeValue(writer, type, 'type')
  appendTime(writer, draft.time)
  appendShaped(writer, actorShape, draft.actor)
  appendShaped(writer, subjectShape, draft.subject)
  const contextStart = writer.length
  appendShaped(writer, contextShape, draft.context)
  expectAtMost(contextBytesMax, writer.length - contextStart, 'context')
  appendShaped(writer, shape, draft.data)
}

function appendId(writer: Writer, id: string): void {
  reserve(writer, 18)
  const at = writer.length
  writer.bytes[at] = 0xc4
  writer.bytes[at + 1] = 16
  if (!writeUuid(id, writer.bytes, at + 2) || !isUuidv7(writer.bytes, at + 2)) {
    throw invalid('id', 'a UUID of version 7 in lower case canonical text')
  }
  writer.length = at + 18
}

function appendTime(writer: Writer, time: number): void {
  if (!Number.isInteger(time) || time < 0 || time > timeMsMax) {
    throw invalid('time', `an integer from 0 to ${timeMsMax}`)
  }
  reserve(writer, 9)
  putInt64(writer, time)
}

function appendShaped(writer: Writer, { name, check }: Shape, value: unknown): void {
  const fault = check(value)
  if (fault !== undefined) throw new VaultError(fault.code, describeFault(name, fault))
  writeValue(writer, value, name)
}

function expectAtMost(most: number, size: number, name: string): void {
  if (size <= most) return
  const message = `${name}: expected at most ${most} bytes, found ${size}`
  throw new VaultError('TOO_LARGE', message, { expected: most, found: size })
}

function invalid(name: string, expected: string): VaultError {
  return new VaultError('INVALID', `${name}: expected ${expected}`)
}
