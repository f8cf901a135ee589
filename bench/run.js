import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { deciding, scopedReads } from './access.js'
import { fanOut, idleFollowers, servedLooks, servedReads } from './http.js'
import { reporting } from './reports.js'
import { atSize, bulkWrite, derivations, proving, reads, treeCost, verification } from './rows.js'

/*
 * npm run bench            every row, about five minutes
 * npm run bench -- --quick smaller logs, about a minute
 * npm run bench -- --json  the same, as one JSON object
 *
 * Rates depend on the disk and its neighbours; the ratios are what is held against a bar, from one run.
 */
const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const rows = []

/** `bar` is met from `ratio >= bar`, or `<=` where less is better. */
function row(work, { measured, against, value, bar, less = false }) {
  const met = bar === undefined ? '' : (less ? value <= bar : value >= bar) ? 'met' : 'MISSED'
  rows.push({ work, measured, against, value, bar, met })
  if (flags.json) return
  const barText = bar === undefined ? '' : `${less ? '≤' : '≥'} ${bar}`
  console.log(
    [
      work.padEnd(40),
      measured.padStart(14),
      (against ?? '').padStart(26),
      value.toFixed(2).padStart(8),
      barText.padStart(9),
      met,
    ].join('  '),
  )
}

const rate = (number) => `${Math.round(number).toLocaleString('en')}/s`
const ms = (number) => `${number.toFixed(1)} ms`

if (!flags.json) {
  console.log(`node ${process.version}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores\n`)
  console.log(
    [
      'work'.padEnd(40),
      'measured'.padStart(14),
      'against'.padStart(26),
      'value'.padStart(8),
      'bar'.padStart(9),
    ].join('  '),
  )
}

for (const [callers, bar, less] of [
  [1, 1.5, true],
  [64, 0.35, false],
  [256, undefined, false],
]) {
  const found = await reads({ callers })
  const value = less ? found.raw / found.rate : found.rate / found.raw
  row(`audited durable read, ${callers} ${callers === 1 ? 'caller' : 'callers'}`, {
    measured: rate(found.rate),
    against: `raw level ${rate(found.raw)}`,
    value,
    bar,
    less,
  })
}
const uncached = await reads({ callers: 64, cache: 0 })
row('  64 callers, value cache off', {
  measured: rate(uncached.rate),
  against: `raw level ${rate(uncached.raw)}`,
  value: uncached.rate / uncached.raw,
})

const bulk = await bulkWrite(flags.quick ? 20_000 : 100_000)
row('bulk write of secrets', { measured: rate(bulk.rate), value: bulk.rate, bar: 70_000 })

for (const events of flags.quick ? [20_000, 100_000] : [20_000, 100_000, 1_000_000]) {
  const found = await atSize(events)
  const at = `at ${events.toLocaleString('en')} events`
  row(`open after a clean close ${at}`, {
    measured: ms(found.openMs),
    value: found.openMs,
    bar: 150,
    less: true,
  })
  row(`audit query, first page ${at}`, {
    measured: ms(found.queryMs),
    value: found.queryMs,
    bar: 5,
    less: true,
  })
  row(`as of, list, the first time ${at}`, {
    measured: ms(found.asOfMs),
    value: found.asOfMs,
    bar: 50,
    less: true,
  })
  row(`  a moment beside it`, {
    measured: ms(found.neighbourMs),
    value: found.neighbourMs,
    bar: 5,
    less: true,
  })
  row(`rebuild of every projection ${at}`, {
    measured: rate(found.rebuildRate),
    against: `generic ${rate(found.genericRate)}`,
    value: found.rebuildRate / found.genericRate,
    bar: 1,
  })
  row(`  event loop delay meanwhile, p99`, {
    measured: ms(found.loopDelayP99Ms),
    against: `max ${ms(found.loopDelayMaxMs)}`,
    value: found.loopDelayP99Ms,
    bar: 10,
    less: true,
  })
}

const verified = await verification(flags.quick ? 100_000 : 200_000)
row('full verification, in a worker', {
  measured: rate(verified.rate),
  against: `leaf hashes ${rate(verified.leafRate)}`,
  value: verified.rate / verified.leafRate,
  bar: 0.5,
})
row(`  event loop delay meanwhile, p99`, {
  measured: ms(verified.loopDelayP99Ms),
  against: `max ${ms(verified.loopDelayMaxMs)}`,
  value: verified.loopDelayP99Ms,
  bar: 10,
  less: true,
})

const proofEvents = flags.quick ? 100_000 : 1_000_000
const proof = await proving(proofEvents)
row(`proof of an event at ${proofEvents.toLocaleString('en')} events`, {
  measured: ms(proof.ms),
  against: `most ${ms(proof.most)}`,
  value: proof.ms,
  bar: 20,
  less: true,
})
const tree = await treeCost()
row('tree, an event appended', {
  measured: `${tree.append.toFixed(2)} µs`,
  against: `leaf hash ${tree.hash.toFixed(2)} µs`,
  value: tree.append / tree.hash,
})

const reported = flags.quick ? 100_000 : 1_000_000
for (const each of await reporting(reported)) {
  row(`${each.report} as ${each.formats.join(', ')} at ${reported.toLocaleString('en')} events`, {
    measured: ms(each.ms),
    against: `${each.rows.toLocaleString('en')} rows`,
    value: each.ms,
  })
  row('  event loop delay meanwhile, p99', {
    measured: ms(each.loopDelayP99Ms),
    against: `max ${ms(each.loopDelayMaxMs)}`,
    value: each.loopDelayP99Ms,
    bar: 10,
    less: true,
  })
}

const us = (number) => `${number.toFixed(2)} µs`
const decided = await deciding(100)
row('decision of policy, 100 policies', {
  measured: us(decided.decision),
  against: `compiled anew ${us(decided.compiled)}`,
  value: decided.decision,
  bar: 1,
  less: true,
})
const scoped = await scopedReads(flags.quick ? 10_000 : 40_000)
row('audited read in a scope, more than the host', {
  measured: us(scoped.scoped - scoped.host),
  against: `host ${us(scoped.host)}`,
  value: scoped.scoped - scoped.host,
})

for (const connections of [1, 64]) {
  const { served, plain } = await servedReads({ connections })
  const times = ({ p50, p99 }) => `p50 ${p50} ms, p99 ${p99} ms`
  row(
    `audited read over HTTP, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
    {
      measured: rate(served.rate),
      against: `constant ${rate(plain.rate)}`,
      value: served.rate / plain.rate,
    },
  )
  row('  how long one takes', { measured: times(served), against: times(plain), value: served.p50 })
}

const looked = await servedLooks()
for (const [what, { served, host }] of [
  ['audit page of 100 events over HTTP', looked.page],
  ['projection of 1,000 rows over HTTP', looked.state],
]) {
  row(what, { measured: ms(served), against: `in process ${ms(host)}`, value: served / host })
}
const fanned = await fanOut({ readers: 100, events: flags.quick ? 50 : 200 })
row('server-sent events to 100 readers', {
  measured: rate(fanned.rate),
  against: `writes alone ${ms(fanned.aloneMs)}`,
  value: fanned.ms / fanned.aloneMs,
})
const idle = await idleFollowers({ followers: 1_000, writes: flags.quick ? 50 : 200 })
row('write while 1,000 follow something else', {
  measured: `${idle.toFixed(2)} ×`,
  value: idle,
  bar: 1.1,
  less: true,
})

const kdf = await derivations()
row('argon2id_ms', { measured: ms(kdf.argon2id_ms), value: kdf.argon2id_ms })
row('pbkdf2_ms', { measured: ms(kdf.pbkdf2_ms), value: kdf.pbkdf2_ms })

if (flags.json) console.log(JSON.stringify(rows, null, 2))
