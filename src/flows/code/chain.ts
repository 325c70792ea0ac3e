import type { Anything } from './flow-context.ts';

/** A function of a flow, whatever it is for. */
export type UserFunction = (ctx: Anything) => unknown;

export type Node = StepNode | ChoiceNode | LoopNode | ParallelNode;

export interface StepNode {
  readonly kind: 'step' | 'action';
  readonly name: string;
  readonly run: UserFunction;
  readonly timeoutMs: number | undefined;
  /** undefined: as the flow says. */
  readonly checkpoint: boolean | undefined;
}

export interface ChoiceNode {
  readonly kind: 'choice';
  /** That of its first condition. */
  readonly name: string;
  /** In order; the first one that holds is taken. One without a condition always holds. */
  readonly branches: readonly Branch[];
}

export interface Branch {
  readonly name: string;
  readonly holds: UserFunction | undefined;
  readonly nodes: readonly Node[];
}

export interface LoopNode {
  readonly kind: 'loop';
  readonly name: string;
  readonly items: UserFunction;
  /** Items in a round; undefined: a round is over one item, not a list. */
  readonly size: number | undefined;
  /** Rounds at once. */
  readonly concurrency: number;
  /** Builds the inner flow of a round. */
  readonly each: (items: Anything, flow: Anything) => unknown;
}

export interface ParallelNode {
  readonly kind: 'parallel';
  readonly name: string;
  readonly parts: readonly (readonly [key: string, run: UserFunction])[];
  /** The result is a list, not a map. */
  readonly isList: boolean;
  readonly timeoutMs: number | undefined;
  readonly checkpoint: boolean | undefined;
}

/** A flow, or the inner flow of one round of a loop, as it was built. */
export interface Chain {
  readonly nodes: readonly Node[];
  /** Each answers for the first `after` nodes. */
  readonly handlers: readonly { readonly after: number; readonly run: UserFunction }[];
  /** Of everything that has an output. */
  readonly names: ReadonlySet<string>;
}
