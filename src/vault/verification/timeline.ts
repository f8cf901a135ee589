import type { VaultEvent } from '../../events/catalogue.ts'
import { uuidv7 } from '../../events/uuid.ts'
import type { Problems } from './problem.ts'

export interface Timeline {
  event(event: VaultEvent): void
  /** Events are missing: what came before them says nothing of what comes next. */
  hole(): void
}

/** Times that never go back without an owner's word, and ids of those times, each its event's own. */
export function checkTimeline(problems: Problems): Timeline {
  let newest = 0
  /** What an id of `newest` begins with (RFC 9562 §5.7): made once for all events of a millisecond. */
  let prefix = prefixOf(newest)
  /** Of the events at `newest`: an id holds its time, so no other can be the same. */
  let ids = new Set<string>()

  return {
    event: ({ position, type, time, id }) => {
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
      if (!id.startsWith(prefix)) {
        problems.add(
          'id',
          `the id of event ${position} is of another time than the event`,
          position,
        )
      }
      if (ids.has(id))
        problems.add('id', `event ${position} has the id of an earlier one`, position)
      ids.add(id)
    },
    hole: () => {
      newest = 0
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
