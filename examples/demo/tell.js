// Plays a story through the command line, in a folder of its own: [-- --keep] leaves that folder.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { print, step, transcript } from './show.js'

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/**
 * Tells a story: steps in order, each with a title, why it matters, and what is typed. A number behind a line is the
 * exit code that a refusal has; what stands there besides is set in the environment.
 *
 * @param story.title what it is about
 * @param story.prepare makes what the story begins with, in the folder
 * @param story.env what every command is run with
 * @param story.steps `{ title, why, commands: [[line, code?, env?], …] }`
 */
export async function tell({ title, prepare, env, steps }) {
  const { values: flags } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
  const folder = await mkdtemp(join(tmpdir(), 'muniment-demo-'))
  const place = { folder, env: { PATH: process.env.PATH, ...env } }
  try {
    await prepare(folder)
    print(title)
    for (const { title: heading, why, commands } of steps) {
      step(heading, why)
      for (const [line, code = 0, more = {}] of commands) await type(place, line, { code, more })
    }
  } finally {
    print('')
    if (flags.keep) print(`Kept: ${folder}`)
    else {
      await rm(folder, { recursive: true })
      print(`Removed: ${folder} (-- --keep leaves it)`)
    }
  }
}

/** Types a line into a shell in the story's folder, and shows it with what was said. */
async function type({ folder, env }, line, { code, more }) {
  const ran = await run(line, { folder, env: { ...env, ...more } })
  transcript(line, ran)
  if (ran.code !== code) throw new Error(`expected exit ${code}`)
}

/** Runs a line, and gives what was said. */
export function run(line, { folder, env }) {
  const shell = `muniment() { "${process.execPath}" "${main}" "$@"; }\n${line}`
  const child = spawn('sh', ['-c', shell], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      said[stream] += text
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...said }))
  })
}
