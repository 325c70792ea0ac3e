/** Something wrong with an `input` block: keys from the block down, and characters into the text found there. */
export interface InputProblem {
  readonly path: readonly (string | number)[];
  readonly at?: number;
  /** It is the key that is wrong, not the value. */
  readonly key?: boolean;
  readonly message: string;
  readonly suggestion?: string;
}
