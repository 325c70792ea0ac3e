import { conversionTransforms } from './conversions.ts';
import { dateTransforms } from './dates.ts';
import { listTransforms } from './lists.ts';
import { numberTransforms } from './numbers.ts';
import { presenceTransforms } from './presence.ts';
import { textTransforms } from './text.ts';
import type { Transform } from './transform.ts';

/** Every word of the mapping language, in the order of the reference. */
export const transforms: readonly Transform[] = [
  ...presenceTransforms,
  ...textTransforms,
  ...conversionTransforms,
  ...numberTransforms,
  ...dateTransforms,
  ...listTransforms,
];

/** By name and by alias. */
export const transformsByName: ReadonlyMap<string, Transform> = new Map(
  transforms.flatMap((transform) =>
    [transform.name, ...(transform.aliases ?? [])].map((name) => [name, transform] as const),
  ),
);
