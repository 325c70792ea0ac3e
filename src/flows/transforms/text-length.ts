import { ValueProblem } from './transform.ts';

/** Characters that a transform may make of a text at most. */
export const maxLength = 1_000_000;

export const tooLong = () => new ValueProblem('text_too_long', `would grow beyond ${maxLength} characters`);
