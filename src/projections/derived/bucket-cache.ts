import type { Bucket } from './segment.ts'

/** Buckets of complete segments, which never change: the ones used last, up to `bytesMax` of their columns. */
export interface BucketCache {
  get(key: string): Bucket | undefined
  add(key: string, bucket: Bucket): void
}

export function bucketCache(bytesMax: number): BucketCache {
  // A Map keeps the order of insertion: what was used last stands last.
  const buckets = new Map<string, Bucket>()
  let bytes = 0

  function get(key: string): Bucket | undefined {
    const bucket = buckets.get(key)
    if (bucket !== undefined) {
      buckets.delete(key)
      buckets.set(key, bucket)
    }
    return bucket
  }

  function add(key: string, bucket: Bucket): void {
    remove(key)
    buckets.set(key, bucket)
    bytes += sizeOf(bucket)
    for (const oldest of buckets.keys()) {
      if (bytes <= bytesMax) return
      remove(oldest)
    }
  }

  function remove(key: string): void {
    const bucket = buckets.get(key)
    if (bucket === undefined) return
    buckets.delete(key)
    bytes -= sizeOf(bucket)
  }

  return { get, add }
}

function sizeOf({ hashes, ends, units }: Bucket): number {
  return hashes.byteLength + ends.byteLength + units.byteLength
}
