import { setImmediate as turn } from 'node:timers/promises'
import type { ProjectionState } from '../../../index.ts'

/** Members that are written before other work of the process gets its turn. */
const membersAtOnce = 64

/**
 * The state of a projection as JSON, in pieces: of a view that has many members no more is written at a time than a reader
 * takes.
 */
export async function* stateText({
  name,
  position,
  view,
}: ProjectionState): AsyncGenerator<string, void, void> {
  const head = `{"name":${JSON.stringify(name)},"position":${position},"view":`
  if (typeof view !== 'object' || view === null) {
    yield `${head}${JSON.stringify(view) ?? 'null'}}`
    return
  }
  const [open, close] = Array.isArray(view) ? '[]' : '{}'
  yield head + open
  let members: string[] = []
  let before = ''
  for (const member of membersOf(view)) {
    members.push(member)
    if (members.length < membersAtOnce) continue
    yield before + members.join(',')
    members = []
    before = ','
    await turn()
  }
  yield `${members.length === 0 ? '' : before}${members.join(',')}${close}}`
}

function* membersOf(view: object): Generator<string, void, void> {
  if (Array.isArray(view)) {
    for (const item of view) yield JSON.stringify(item)
    return
  }
  for (const [name, value] of Object.entries(view)) {
    yield `${JSON.stringify(name)}:${JSON.stringify(value)}`
  }
}
