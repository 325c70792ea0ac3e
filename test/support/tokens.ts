import { getEncoding } from 'js-tiktoken';

const encoding = getEncoding('o200k_base');

/** What a value costs a model, as text or as JSON, in the vocabulary of GPT-4o: those of others differ by little. */
export const tokens = (value: unknown): number =>
  encoding.encode(typeof value === 'string' ? value : JSON.stringify(value), [], []).length;
