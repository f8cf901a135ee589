/** Members and items that are written before other work of the process may get its turn. */
const atOnce = 16

/**
 * The JSON of an object whose members may be long, piece by piece: none of them is long.
 *
 * @param long those of its members that are taken apart, lists and objects, in their order behind the others
 */
export async function* slicedJson(
  { ...others }: object,
  long: Readonly<Record<string, unknown>>,
): AsyncGenerator<string, void, void> {
  const head = JSON.stringify(others)
  yield head.slice(0, -1)
  let between = head === '{}' ? '' : ','
  for (const [name, value] of Object.entries(long)) {
    yield `${between}${JSON.stringify(name)}:`
    between = ','
    yield* sliced(value)
  }
  yield '}'
}

async function* sliced(value: unknown): AsyncGenerator<string, void, void> {
  if (typeof value !== 'object' || value === null) {
    yield JSON.stringify(value) ?? 'null'
    return
  }
  const isList = Symbol.iterator in value || Symbol.asyncIterator in value
  yield isList ? '[' : '{'
  yield* joined(isList ? itemsOf(value as Iterable<unknown>) : membersOf(value))
  yield isList ? ']' : '}'
}

async function* joined(
  texts: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<string, void, void> {
  let gathered: string[] = []
  let isFirst = true
  const piece = () => {
    const text = `${isFirst ? '' : ','}${gathered.join(',')}`
    gathered = []
    isFirst = false
    return text
  }
  for await (const text of texts) if (gathered.push(text) === atOnce) yield piece()
  if (gathered.length > 0) yield piece()
}

async function* itemsOf(
  items: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncGenerator<string, void, void> {
  for await (const item of items) yield JSON.stringify(item)
}

function* membersOf(value: object): Generator<string, void, void> {
  const members = value as Readonly<Record<string, unknown>>
  for (const name of Object.keys(members)) {
    yield `${JSON.stringify(name)}:${JSON.stringify(members[name])}`
  }
}
