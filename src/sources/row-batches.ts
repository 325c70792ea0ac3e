/** The batches without their first `count` items. */
export async function* dropFirst<T>(batches: AsyncIterable<T[]>, count: number): AsyncGenerator<T[]> {
  let left = count;
  for await (const batch of batches) {
    if (left === 0) yield batch;
    else if (left < batch.length) yield batch.slice(left);
    left = Math.max(0, left - batch.length);
  }
}

/** The same items in batches of at least one and at most `size`. */
export async function* inBatchesOf<T>(size: number, batches: AsyncIterable<T[]>): AsyncGenerator<T[]> {
  for await (const batch of batches) {
    for (let start = 0; start < batch.length; start += size) yield batch.slice(start, start + size);
  }
}
