import type { JsonValue } from '../../domain/json.ts';
import { nearest } from '../../domain/nearest.ts';
import type { StepOutput } from './flow-context.ts';
import { ownFailure } from './step-failure.ts';

/** Properties that others than flows ask for: `await`, JSON.stringify. */
const askedByOthers = ['then', 'toJSON'];

/** The outputs of the steps that have run, seen from a flow or from one round of a loop. */
export class StepResults {
  /** `steps[name].output`; a step that has not run is an error that says so. */
  readonly view: Readonly<Record<string, StepOutput<JsonValue>>>;
  readonly #own = new Map<string, StepOutput<JsonValue>>();
  /** This one and those around it, from the innermost. */
  readonly #scopes: readonly StepResults[];
  #names: ReadonlySet<string> = new Set();

  constructor(around?: StepResults) {
    this.#scopes = around === undefined ? [this] : [this, ...around.#scopes];
    this.view = new Proxy(Object.create(null) as Record<string, StepOutput<JsonValue>>, {
      get: (_, key) => (typeof key === 'string' ? this.#get(key) : undefined),
      has: (_, key) => typeof key === 'string' && this.#find(key) !== undefined,
      ownKeys: () => this.#keys(),
      getOwnPropertyDescriptor: (_, key) => {
        const value = typeof key === 'string' ? this.#find(key) : undefined;
        return value === undefined ? undefined : { value, enumerable: true, configurable: true };
      },
      set: () => false,
      defineProperty: () => false,
      deleteProperty: () => false,
    });
  }

  /** Tells which names the flow has, so that a step that did not run is told from a slip of the keyboard. */
  knows(names: ReadonlySet<string>): void {
    this.#names = names;
  }

  set(name: string, output: JsonValue): void {
    this.#own.set(name, { output });
  }

  #get(name: string): StepOutput<JsonValue> | undefined {
    const found = this.#find(name);
    if (found !== undefined || askedByOthers.includes(name)) return found;
    if (this.#isKnown(name)) {
      throw ownFailure('step_has_no_output', `the step ${name} has not run here, so it has no output`, name);
    }
    const close = nearest(name, this.#allNames());
    const advice = close === undefined ? '' : `; did you mean "${close}"?`;
    throw ownFailure(
      'step_has_no_output',
      `the flow asks for the output of a step that it does not have${advice}`,
      '',
    );
  }

  #find(name: string): StepOutput<JsonValue> | undefined {
    for (const scope of this.#scopes) {
      const found = scope.#own.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #isKnown(name: string): boolean {
    return this.#scopes.some((scope) => scope.#names.has(name));
  }

  #allNames(): string[] {
    return this.#scopes.flatMap((scope) => [...scope.#names]);
  }

  #keys(): string[] {
    return [...new Set(this.#scopes.flatMap((scope) => [...scope.#own.keys()]))];
  }
}
