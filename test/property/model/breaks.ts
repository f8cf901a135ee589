import { setImmediate as turn } from 'node:timers/promises'
import type { Faults, WriteStep } from '../../../src/testing/fault-store.ts'

/** Where a store breaks off: at its n-th step that writes, before that step is stored or once it is. */
export interface Break {
  readonly nth: number
  readonly when: 'before' | 'after'
}

/** Whether the machine goes down with the process, and what was not synced with it. */
export interface Power {
  readonly unsynced: 'kept' | 'dropped'
}

/** Plans that the n-th commit fails. What it gives back calls the plan off, and tells whether that came. */
export function failCommit(faults: Faults, { nth, when }: Break): () => boolean {
  let left = nth
  faults.onStep = (step) => {
    if (step === 'commit' && --left === 0) faults.fail('commit', { when })
  }
  return () => {
    faults.onStep = undefined
    return left <= 0
  }
}

/** Plans a crash. What it gives back calls the plan off, or tells which steps had been stored when it came. */
export function crashAt(
  faults: Faults,
  { nth, when, unsynced }: Break & Power,
): () => Promise<readonly WriteStep[] | undefined> {
  const stored: WriteStep[] = []
  let left = nth
  let crashing: Promise<void> | undefined
  faults.onStep = async (step) => {
    if (--left > 0) stored.push(step)
    if (left !== 0) return
    if (when === 'before') {
      crashing = faults.crash({ unsynced })
      await crashing
      return
    }
    // A store in memory is done within the turn: the step is stored by the next, and not yet answered.
    stored.push(step)
    faults.hang(step, { when })
    crashing = turn().then(() => faults.crash({ unsynced }))
  }
  return async () => {
    faults.onStep = undefined
    await crashing
    return crashing === undefined ? undefined : stored
  }
}
