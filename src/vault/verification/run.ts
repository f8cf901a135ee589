import { setImmediate as turn } from 'node:timers/promises'
import type { KeyRow } from '../../store/port.ts'
import { type Brief, type Findings, type ReadItem, Verifier } from './verifier.ts'
import { startWorker } from './worker-thread.ts'

/** Something that verifies what it is handed: here, or in a thread of its own. */
export interface Run {
  keyRows(rows: readonly KeyRow[]): Promise<void>
  loseKeyRows(fault: string): Promise<void>
  /** Resolves once there is room for more. */
  commits(items: readonly ReadItem[]): Promise<void>
  end(): Promise<Findings>
  /** Lets go, finished or not. */
  close(): Promise<void>
}

/** Full commits hold a thousand events in eight, which take a few milliseconds. */
const commitsPerTurn = 8
const rowsPerTurn = 32

/**
 * In a worker, so that the host's event loop stays its own; in this thread where there are none. Node 20 cannot run
 * TypeScript in a worker, so that what runs from its sources, as the tests do, runs in this thread as well.
 */
export async function startRun(brief: Brief): Promise<Run> {
  const worker = import.meta.url.endsWith('.ts') ? undefined : await startWorker(brief)
  return worker ?? runHere(brief)
}

function runHere(brief: Brief): Run {
  const verifier = new Verifier(brief)
  return {
    keyRows: (rows) => inTurns(rows, rowsPerTurn, (some) => verifier.keyRows(some)),
    loseKeyRows: async (fault) => verifier.loseKeyRows(fault),
    commits: (items) => inTurns(items, commitsPerTurn, (some) => verifier.commits(some)),
    end: async () => verifier.end(),
    close: async () => verifier.erase(),
  }
}

/** Works a few at a time, and lets timers, sockets and other callers go first in between. */
async function inTurns<T>(
  all: readonly T[],
  count: number,
  work: (some: readonly T[]) => void,
): Promise<void> {
  for (let at = 0; at < all.length; at += count) {
    work(all.slice(at, at + count))
    await turn()
  }
}
