/** Members of a list that are written before other work of the process may get its turn. */
const itemsAtOnce = 16

/**
 * The JSON of an object whose lists may be long, piece by piece: none of them is long.
 *
 * @param lists those of its members that are taken apart, in their order behind the others
 */
export async function* slicedJson(
  { ...others }: object,
  lists: Readonly<Record<string, Iterable<unknown> | AsyncIterable<unknown>>>,
): AsyncGenerator<string, void, void> {
  const head = JSON.stringify(others)
  let between = head === '{}' ? '{' : `${head.slice(0, -1)},`
  for (const [name, items] of Object.entries(lists)) {
    yield `${between}${JSON.stringify(name)}:[`
    between = '],'
    yield* joined(items)
  }
  yield between === '{' ? '{}' : `${between.slice(0, -1)}}`
}

async function* joined(
  items: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncGenerator<string, void, void> {
  let gathered: string[] = []
  let isFirst = true
  const piece = () => {
    const text = `${isFirst ? '' : ','}${gathered.join(',')}`
    gathered = []
    isFirst = false
    return text
  }
  for await (const item of items) {
    if (gathered.push(JSON.stringify(item)) === itemsAtOnce) yield piece()
  }
  if (gathered.length > 0) yield piece()
}
