import { Refusal } from './bytes.js'
import { checkEvidence } from './checks.js'
import { droppedFiles } from './dropped.js'
import { ed25519 } from './notes.js'
import { aboutView, element, filesView, keyView, verdictView, verdictWords } from './view.js'
import { isZip, readZip } from './zip.js'

/** @import { Result } from './checks.js' */
/** @import { NamedFile } from './dropped.js' */
/** @import { Entry } from './zip.js' */
/** What was given last: a key that is pinned later is held against it as well. */
/** @type {readonly NamedFile[]} */
let given = []
/** Each check has a number: one that was overtaken shows nothing. */
let newest = 0

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id)
  if (found === null) throw new RangeError(`the page has no ${id}`)
  return found
}

function start() {
  const drop = byId('drop')
  document.addEventListener('dragover', (event) => {
    event.preventDefault()
    drop.classList.add('over')
  })
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) drop.classList.remove('over')
  })
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    drop.classList.remove('over')
    if (event.dataTransfer !== null) void take(droppedFiles(event.dataTransfer))
  })
  for (const id of ['files', 'folder']) {
    const input = /** @type {HTMLInputElement} */ (byId(id))
    input.addEventListener('change', () => {
      const chosen = [...(input.files ?? [])]
      // The same files can be chosen again, once they were changed.
      input.value = ''
      void take(
        Promise.resolve(
          chosen.map((file) => ({ name: file.webkitRelativePath || file.name, file })),
        ),
      )
    })
  }
  byId('pinned').addEventListener('change', () => {
    if (given.length > 0) void check()
  })
}

/** @param {Promise<NamedFile[]>} files */
async function take(files) {
  try {
    given = await files
  } catch (error) {
    showFailure(error)
    return
  }
  if (given.length > 0) await check()
}

async function check() {
  const mine = ++newest
  const progress = showProgress()
  try {
    const pinned = /** @type {HTMLTextAreaElement} */ (byId('pinned')).value.trim()
    const result = await checkEvidence(await entriesOf(given), {
      pinned: pinned === '' ? undefined : pinned,
      verify: await ed25519(),
      onProgress: (done, all) => {
        progress.value = all === 0 ? 1 : done / all
      },
    })
    if (mine === newest) show(result)
  } catch (error) {
    if (mine === newest) showFailure(error)
  }
}

/**
 * @param {readonly NamedFile[]} files
 * @returns {Promise<readonly Entry[]>}
 */
async function entriesOf(files) {
  const [only] = files
  if (only !== undefined && files.length === 1 && (await isZip(only.file))) {
    return readZip(only.file)
  }
  return files.map(({ name, file }) => ({
    name,
    size: file.size,
    open: async () => file.stream(),
  }))
}

/** @returns {HTMLProgressElement} */
function showProgress() {
  const progress = /** @type {HTMLProgressElement} */ (
    element('progress', { max: '1', 'aria-label': 'read so far' })
  )
  fill('verdict', [element('h2', {}, 'Checking'), progress])
  byId('verdict').className = ''
  for (const id of ['key', 'about', 'checked']) byId(id).hidden = true
  return progress
}

/** @param {Result} result */
function show(result) {
  const verdict = byId('verdict')
  verdict.className = verdictWords(result).kind
  fill('verdict', verdictView(result))
  fill('key', result.key === undefined ? [] : keyView(result.key, result.pin))
  fill('about', aboutView(result))
  fill('checked', filesView(result.files))
  verdict.focus()
}

/** @param {unknown} error */
function showFailure(error) {
  const words =
    error instanceof Refusal ? error.message : 'these files cannot be read by this browser'
  byId('verdict').className = 'refused'
  fill('verdict', [element('h2', {}, 'Not checked'), element('p', {}, words)])
}

/**
 * @param {string} id
 * @param {readonly (string | Node)[]} contents
 */
function fill(id, contents) {
  const section = byId(id)
  section.replaceChildren(...contents)
  section.hidden = contents.length === 0
}

start()
