import { describe, expect, it } from 'vitest'
import { integrity } from '../../src/reports/contents/integrity.ts'
import { toldMax } from '../../src/reports/contents/integrity-fold.ts'
import type { GivenEvent } from '../../src/testing/given.ts'
import {
  created,
  day,
  type MadeOf,
  origin,
  reportOf,
  slot,
  start,
} from '../fixtures/made-report.ts'

const at = (days: number) => start + days * day
const opened = (days: number, clean = true): GivenEvent => ({
  type: 'vault.opened',
  time: at(days),
  data: { slot: slot.slot, clean, pid: 7, host: 'db1', muniment: '1.0.0' },
})
const closed = (days: number): GivenEvent => ({ type: 'vault.closed', time: at(days), data: {} })
const root = new Uint8Array(32).fill(7)
const rootHex = '07'.repeat(32)

describe('the report of integrity', () => {
  const of = (events: readonly GivenEvent[], about: MadeOf = {}) =>
    reportOf(integrity, events, about).rows
  const only = (what: string, events: readonly GivenEvent[], about: MadeOf = {}) =>
    of(events, about).filter((row) => row.what === what)

  it('has its rows in order, those without anything to tell among them', () => {
    expect(of([{ ...created, time: start }])).toEqual([
      {
        position: null,
        what: 'range',
        status: 'ok',
        last: start,
        count: 1,
        size: 1,
        detail: 'positions 0 to 0, of 1',
      },
      {
        position: null,
        what: 'root',
        status: 'ok',
        time: start,
        size: 1,
        root: rootHex,
        detail: origin,
      },
      {
        position: null,
        what: 'checkpoints',
        status: 'none',
        count: 0,
        size: 0,
        detail: 'kept; 1 event after the newest',
      },
      {
        position: null,
        what: 'anchors',
        status: 'none',
        count: 0,
        detail: 'nothing beside the vault holds checkpoints',
      },
      { position: null, what: 'gaps', status: 'ok', count: 0, detail: 'none in 1 event' },
      { position: null, what: 'starts', status: 'none', count: 0 },
      { position: null, what: 'stops', status: 'none', count: 0 },
      { position: null, what: 'failed_unlocks', status: 'none', count: 0 },
      { position: null, what: 'clock_skew', status: 'none', count: 0 },
    ])
  })

  it('counts starts and stops, and finds a start that no stop came before', () => {
    const rows = of([opened(0), closed(1), opened(2), opened(3, false)]).filter(({ what }) =>
      ['starts', 'stops', 'unclean_start'].includes(String(what)),
    )
    expect(rows).toEqual([
      { position: 3, what: 'starts', status: 'noted', count: 3, time: at(0), last: at(3) },
      { position: 1, what: 'stops', status: 'noted', count: 1, time: at(1), last: at(1) },
      {
        position: 3,
        what: 'unclean_start',
        status: 'attention',
        time: at(3),
        detail: 'by process 7 on db1',
        finding: 'the opening before did not end in a closing',
      },
    ])
  })

  it('finds nothing in the first opening of a restored backup, and something in the next', () => {
    const restored: GivenEvent = {
      type: 'vault.restored',
      time: at(1),
      data: { origin, size: 1, root, key: root },
    }
    const log = [opened(0), restored, opened(2, false), opened(3, false)]
    expect(only('restored_start', log)).toEqual([
      {
        position: 2,
        what: 'restored_start',
        status: 'noted',
        time: at(2),
        detail:
          'by process 7 on db1, the first since the restore: the backup is of a running vault',
      },
    ])
    expect(only('unclean_start', log).map(({ position }) => position)).toEqual([3])
    expect(only('restored_start', [opened(0), closed(0), restored, opened(2)])).toEqual([])
    expect(only('unclean_start', log, { from: 2 }).map(({ position }) => position)).toEqual([3])
    expect(only('starts', log)).toMatchObject([{ count: 3 }])
  })

  it('tells the first thousand of what it finds, and counts the rest', () => {
    const events = Array.from({ length: toldMax + 2 }, (_, n) => opened(n, false))
    const rows = only('unclean_start', events)
    expect(rows.length).toBe(toldMax + 1)
    expect(rows.at(-1)).toEqual({
      position: null,
      what: 'unclean_start',
      status: 'attention',
      count: 2,
      detail: 'more of them, which are not told one by one',
      finding: 'the opening before did not end in a closing',
    })
  })

  it('shows the checkpoints of its range, and finds one of another log', () => {
    const checkpoints = [
      { origin: 'muniment/00/before', size: 1, root },
      { origin: 'muniment/00/before', size: 2, root },
      { origin: 'muniment/11/stranger', size: 3, root },
      { origin, size: 4, root },
    ]
    const log: GivenEvent[] = [
      opened(0),
      closed(0),
      {
        type: 'vault.restored',
        time: at(1),
        data: { origin: 'muniment/00/before', size: 2, root, key: root },
      },
      opened(1),
      closed(1),
    ]
    const about = { from: 1, beside: { checkpoints } }
    expect(only('checkpoints', log, about)).toMatchObject([
      { status: 'ok', count: 4, size: 4, detail: 'kept; 1 event after the newest' },
    ])
    expect(only('checkpoint', log, about)).toEqual([
      {
        position: 1,
        what: 'checkpoint',
        status: 'ok',
        size: 2,
        root: rootHex,
        detail: 'muniment/00/before',
      },
      {
        position: 2,
        what: 'checkpoint',
        status: 'attention',
        size: 3,
        root: rootHex,
        detail: 'muniment/11/stranger',
        finding: 'of a log that this vault never was',
      },
      { position: 3, what: 'checkpoint', status: 'ok', size: 4, root: rootHex, detail: origin },
    ])
    expect(only('restore', log, about)).toEqual([
      {
        position: 2,
        what: 'restore',
        status: 'noted',
        time: at(1),
        size: 2,
        root: rootHex,
        detail: 'from a backup of muniment/00/before',
      },
    ])
  })

  it('shows the anchors in force, whenever they were added', () => {
    const anchor = (type: 'anchor.added' | 'anchor.removed', target: string): GivenEvent => ({
      type,
      data: { kind: 'file', target },
    })
    const log = [
      anchor('anchor.added', '/a'),
      anchor('anchor.added', '/b'),
      anchor('anchor.removed', '/a'),
    ]
    expect(only('anchor', log, { from: 2 })).toEqual([
      { position: 1, what: 'anchor', status: 'ok', time: 1, detail: 'file /b' },
    ])
    expect(only('anchors', log)).toEqual([])
  })

  it('tells of wrong credentials, of a clock behind the log, and finds one set by hand', () => {
    const log: GivenEvent[] = [
      { type: 'auth.failed', time: at(0), data: { method: 'keyslot', triedAt: 0, count: 3 } },
      { type: 'vault.closed', time: at(1), context: { clockSkewMs: 20 }, data: {} },
      { type: 'vault.closed', time: at(1), context: { clockSkewMs: 9 }, data: {} },
      { type: 'clock.corrected', time: at(0), data: { from: at(1), to: at(0) } },
      // Shown to an open vault: nobody tried to open it.
      { type: 'auth.failed', time: at(1), data: { method: 'token', triedAt: 0, count: 9 } },
    ]
    expect(only('failed_unlocks', log)).toEqual([
      { position: 0, what: 'failed_unlocks', status: 'noted', count: 3, time: at(0), last: at(0) },
    ])
    expect(only('clock_skew', log)).toEqual([
      {
        position: 2,
        what: 'clock_skew',
        status: 'noted',
        count: 2,
        time: at(1),
        last: at(1),
        detail: 'the clock was behind the log by up to 20 ms',
      },
    ])
    expect(only('clock_correction', log)).toEqual([
      {
        position: 3,
        what: 'clock_correction',
        status: 'attention',
        time: at(0),
        detail: 'from 2026-01-02T00:00:00.000Z to 2026-01-01T00:00:00.000Z',
        finding: 'the time of the log was set by hand',
      },
    ])
    const ahead: GivenEvent[] = [
      { type: 'clock.corrected', time: at(2), data: { from: at(0), to: at(2) } },
    ]
    expect(only('clock_correction', ahead)).toMatchObject([
      {
        status: 'attention',
        detail: 'from 2026-01-01T00:00:00.000Z to 2026-01-03T00:00:00.000Z',
        finding: 'the time of the log was set by hand',
      },
    ])
    const later = of(log, { from: 5 })
    expect(later.filter(({ finding }) => finding !== undefined)).toEqual([])
    expect(later[0]).toMatchObject({ count: 0, detail: 'no event, of 5' })
  })

  it('tells of changes of keys', () => {
    const log: GivenEvent[] = [
      { type: 'keys.rotated', data: { what: 'signing', generation: 2, epoch: 2 } },
      { type: 'keys.shredded', data: { generation: 2, epoch: 3, keys: 1 } },
      { type: 'keyslot.added', data: { ...slot, generation: 2 } },
      { type: 'keyslot.removed', data: { ...slot, generation: 2 } },
    ]
    expect(only('key_change', log, { from: 1 }).map(({ detail }) => detail)).toEqual([
      'keys.shredded: wrapping epoch 3',
      'keyslot.added: ops (argon2id, owner)',
      'keyslot.removed: ops (argon2id, owner)',
    ])
  })
})
