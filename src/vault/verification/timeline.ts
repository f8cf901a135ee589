import type { VaultEvent } from '../../events/catalogue.ts'
import { knownUuidTime, uuidv7 } from '../../events/uuid.ts'
import { givenIdMsMax } from '../../limits.ts'
import type { Problems } from './problem.ts'

export interface Timeline {
  event(event: VaultEvent): void
  /** Events are missing: what came before them says nothing of what comes next. */
  hole(): void
}

/** Times that never go back without an owner's word, and ids of those times, each its event's own. */
export function checkTimeline(problems: Problems): Timeline {
  let newest = 0
  let given = new GivenIds()
  /** What an id of `newest` begins with (RFC 9562 §5.7): made once for all events of a millisecond. */
  let prefix = prefixOf(newest)
  /** Of the events at `newest`: an id holds its time, so no other can be the same. */
  let ids = new Set<string>()

  return {
    event: ({ position, type, time, id, context }) => {
      if (time < newest && type !== 'clock.corrected') {
        problems.add(
          'time',
          `event ${position} lies ${newest - time} ms before the one before it`,
          position,
        )
      }
      if (time !== newest) {
        newest = time
        prefix = prefixOf(time)
        ids = new Set()
      }
      const isGiven = context.given !== undefined
      if (isGiven ? !isNear(id, time) : !id.startsWith(prefix)) {
        problems.add(
          'id',
          `the id of event ${position} is of another time than the event`,
          position,
        )
      }
      if (ids.has(id) || given.has(id))
        problems.add('id', `event ${position} has the id of an earlier one`, position)
      if (isGiven) given.add(id, time)
      else ids.add(id)
    },
    hole: () => {
      newest = 0
      given = new GivenIds()
      prefix = prefixOf(newest)
      ids = new Set()
    },
  }
}

const noRandom = new Uint8Array(10)
/** 48 bits of time, and the dash among their twelve digits. */
const prefixLength = 13

function prefixOf(time: number): string {
  return uuidv7(time, noRandom).slice(0, prefixLength)
}

/** Whether a caller could have chosen an id at a time. */
function isNear(id: string, time: number): boolean {
  return Math.abs(knownUuidTime(id) - time) <= givenIdMsMax
}

/** Ids that callers chose, for as long as they could choose the same again: from an hour before its time to an hour behind it. */
class GivenIds {
  #since = 0
  #newer = new Set<string>()
  #older = new Set<string>()

  has(id: string): boolean {
    return this.#newer.has(id) || this.#older.has(id)
  }

  add(id: string, time: number): void {
    if (Math.abs(time - this.#since) > 2 * givenIdMsMax) {
      this.#since = time
      this.#older = this.#newer
      this.#newer = new Set()
    }
    this.#newer.add(id)
  }
}
