import { asText, type PipeValue, ValueProblem } from './transform.ts';

const truths = new Map<string, boolean>([
  ...['true', 'yes', 'y', '1', 'on'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', '0', 'off'].map((word) => [word, false] as const),
]);

/**
 * Reads true or false as people write it in a table. Nothing, null and blank text are neither and give undefined.
 *
 * @throws ValueProblem for anything else
 */
export function readTruth(value: PipeValue): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  const word = typeof value === 'object' ? '?' : asText(value as string | number | boolean).trim();
  if (word === '') return undefined;
  const truth = truths.get(word.toLowerCase());
  if (truth === undefined) {
    throw new ValueProblem('boolean_expected', 'is not true or false, yes or no', value);
  }
  return truth;
}
