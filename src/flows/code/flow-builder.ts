import type { Anything, Context, FlowState, MaybePromise, Output, StepOutput } from './flow-context.ts';

/** How a step runs. */
export interface StepOptions {
  /** Such as `10s`; a bare number is seconds. Then the step has failed, and may be tried again. */
  readonly timeout?: string | number;
  /** Keep the result, so that no later attempt at the record repeats the step. */
  readonly checkpoint?: boolean;
}

/** How many run at once; 1 unless given. */
export interface LoopOptions {
  readonly concurrency?: number;
}

/** The list a loop goes over. */
export type ItemsOf<Seen, Item> = (ctx: Seen) => MaybePromise<readonly Item[]>;

/** What a handler sees: whatever ran before the error. */
export type ErrorContext<Payload, Steps> = Context<Payload, Steps, Anything> & { readonly error: Error };

type Parts<Seen> = readonly ((ctx: Seen) => unknown)[] | { readonly [name: string]: (ctx: Seen) => unknown };

type OutputsOf<All> = {
  -readonly [Key in keyof All]: All[Key] extends (...given: never[]) => infer Returned
    ? Output<Returned>
    : never;
};

/** A builder that has come one output further. */
type After<Payload, Steps, Name extends string, Value> = FlowBuilder<
  Payload,
  Steps & Readonly<Record<Name, StepOutput<Value>>>,
  Value
>;

/**
 * A flow under construction. Each call adds to the same flow and returns it with a richer type, so calls
 * can be chained or made one by one.
 */
export interface FlowBuilder<Payload, Steps, Last> {
  /** Runs a function; what it returns, as JSON, is `steps[name].output` and `last`. */
  step<const Name extends string, Returned>(
    name: Name,
    run: (ctx: Context<Payload, Steps, Last>) => Returned,
    options?: StepOptions,
  ): After<Payload, Steps, Name, Output<Returned>>;

  /** Runs a function for its effect; what it returns is ignored, and `last` stays. */
  action(
    name: string,
    run: (ctx: Context<Payload, Steps, Last>) => unknown,
    options?: StepOptions,
  ): FlowBuilder<Payload, Steps, Last>;

  /** What follows, up to elseIf, else or endIf, runs only if the condition holds. */
  if(name: string, holds: (ctx: Context<Payload, Steps, Last>) => unknown): FlowBuilder<Payload, Steps, Last>;
  elseIf(
    name: string,
    holds: (ctx: Context<Payload, Steps, Anything>) => unknown,
  ): FlowBuilder<Payload, Steps, Anything>;
  else(): FlowBuilder<Payload, Steps, Anything>;
  endIf(): FlowBuilder<Payload, Steps, Anything>;

  /**
   * Builds and runs an inner flow for each item. One that fails does not keep the others from running; then
   * the step fails, and a retry runs only what has failed. Its output is the list of the inner results.
   */
  forEach<const Name extends string, Item>(
    name: Name,
    items:
      | ItemsOf<Context<Payload, Steps, Last>, Item>
      | ({ readonly items: ItemsOf<Context<Payload, Steps, Last>, Item> } & LoopOptions),
    each: (item: Item, flow: LoopFlow<Payload, Steps>) => unknown,
    options?: LoopOptions,
  ): After<Payload, Steps, Name, Anything[]>;

  /** Like forEach, with chunks of up to `size` items. Each chunk is a list of its own. */
  batch<const Name extends string, Item>(
    name: Name,
    options: {
      readonly items: ItemsOf<Context<Payload, Steps, Last>, Item>;
      readonly size: number;
    } & LoopOptions,
    each: (batch: Item[], flow: LoopFlow<Payload, Steps>) => unknown,
  ): After<Payload, Steps, Name, Anything[]>;

  /** Runs functions at once; the output is the list, or the map, of what they return. */
  parallel<const Name extends string, const All extends Parts<Context<Payload, Steps, Last>>>(
    name: Name,
    parts: All,
    options?: StepOptions,
  ): After<Payload, Steps, Name, OutputsOf<All>>;

  /**
   * Takes over when something before it fails: what it returns is the result, and whatever else stands in
   * this flow is passed over. What it throws is a failure.
   */
  onError(handle: (ctx: ErrorContext<Payload, Steps>) => unknown): FlowBuilder<Payload, Steps, Anything>;
}

/** The inner flow of a loop, with what its functions may look at while they run. */
export interface LoopFlow<Payload, Steps> extends FlowBuilder<Payload, Steps, Anything> {
  readonly payload: Payload;
  /** The steps around the loop, and those of this round that have run. */
  readonly steps: Steps & { readonly [name: string]: Anything };
  /** What the step before has come to in this round; null at first. */
  readonly last: Anything;
  /** Durable values of the record's run, shared by all rounds. */
  readonly state: FlowState;
  readonly params: Anything;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
}
