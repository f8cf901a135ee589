import { describe, expect, it } from 'vitest'
import type { SecretFields } from '../../src/secret/value.ts'
import { mergePatch } from '../../src/vault/kv/merge-patch.ts'

/** RFC 7396, appendix A: what there was, the patch, and what comes of it. */
const vectors: readonly [string, string, string][] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
]

describe('a merge patch', () => {
  it.each(vectors)('makes of %s and %s what the RFC says', (target, patch, result) => {
    const [before, change, after] = [target, patch, result].map((text) => JSON.parse(text))
    // A secret's fields are an object; the vectors that are of something else are held as a field of one.
    expect(mergePatch({ v: before }, { v: change })).toEqual({ v: after })
  })

  it('makes of {"a":"foo"} and null nothing, as the RFC says', () => {
    expect(mergePatch({ v: { a: 'foo' }, w: 1 }, { v: null })).toEqual({ w: 1 })
  })

  it.each(vectors.slice(0, 8))(
    'applies to the fields themselves: %s and %s',
    (target, patch, result) => {
      expect(mergePatch(JSON.parse(target), JSON.parse(patch))).toEqual(JSON.parse(result))
    },
  )

  it('keeps a field called __proto__ a field, so that whoever checks the result finds it', () => {
    const patch = JSON.parse('{"__proto__":{"admin":true}}') as SecretFields
    const merged = mergePatch({ a: 1 }, patch)
    expect(Object.hasOwn(merged, '__proto__')).toBe(true)
    expect((merged as { admin?: boolean }).admin).toBeUndefined()
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('changes neither what it is given', () => {
    const [target, patch] = [{ a: { b: 1 } }, { a: { b: null, c: 2 } }]
    expect(mergePatch(target, patch)).toEqual({ a: { c: 2 } })
    expect([target, patch]).toEqual([{ a: { b: 1 } }, { a: { b: null, c: 2 } }])
  })
})
