import type { Branch, Chain, ChoiceNode, LoopNode, Node, UserFunction } from './chain.ts';
import {
  atOnce,
  checkedName,
  functionOf,
  invalid,
  optionsOf,
  quoted,
  roundSize,
  stepOptions,
} from './chain-options.ts';

/** An `if` that is not closed yet. */
interface OpenChoice {
  readonly name: string;
  readonly branches: Branch[];
  /** Where what follows is added: the nodes of the last branch. */
  nodes: Node[];
  hasElse: boolean;
}

/**
 * Takes the calls that build a flow, and checks each. All public types of it are in `flow-builder.ts`.
 *
 * @throws SluiceError `flow_invalid` from each method, for what cannot be meant.
 */
export class ChainBuilder {
  readonly #nodes: Node[] = [];
  readonly #handlers: { after: number; run: UserFunction }[] = [];
  readonly #names = new Set<string>();
  readonly #conditions = new Set<string>();
  readonly #open: OpenChoice[] = [];
  #finished = false;

  step(step: unknown, run: unknown, options?: unknown): this {
    return this.#addStep('step', step, run, options);
  }

  action(action: unknown, run: unknown, options?: unknown): this {
    return this.#addStep('action', action, run, options);
  }

  if(condition: unknown, holds: unknown): this {
    const branch = this.#branch('if', condition, holds);
    this.#open.push({ name: branch.name, branches: [branch], nodes: branch.nodes, hasElse: false });
    return this;
  }

  elseIf(condition: unknown, holds: unknown): this {
    const choice = this.#openChoice('elseIf');
    const branch = this.#branch('elseIf', condition, holds);
    return this.#nextBranch(choice, branch);
  }

  else(): this {
    const choice = this.#openChoice('else');
    this.#nextBranch(choice, { name: 'else', holds: undefined, nodes: [] });
    choice.hasElse = true;
    return this;
  }

  endIf(): this {
    this.#mayChange('endIf');
    const choice = this.#open.pop();
    if (choice === undefined) throw invalid('endIf() closes no if');
    const node: ChoiceNode = { kind: 'choice', name: choice.name, branches: choice.branches };
    return this.#add(node);
  }

  forEach(loop: unknown, items: unknown, each: unknown, options?: unknown): this {
    const given =
      typeof items === 'function' ? { ...optionsOf(options, loop), items } : optionsOf(items, loop);
    return this.#addLoop(loop, given, each, undefined);
  }

  batch(loop: unknown, options: unknown, each: unknown): this {
    const given = optionsOf(options, loop);
    return this.#addLoop(loop, given, each, roundSize(given.size, loop));
  }

  parallel(step: unknown, parts: unknown, options?: unknown): this {
    const isList = Array.isArray(parts);
    const entries = Object.entries(typeof parts === 'object' && parts !== null ? parts : {});
    if (entries.length === 0) throw invalid(`parallel ${quoted(step)} needs a list or a map of functions`);
    return this.#add({
      kind: 'parallel',
      name: this.#ownName('parallel', step),
      parts: entries.map(([key, run]) => [checkedName('parallel', key), functionOf(run, step)] as const),
      isList,
      ...stepOptions(options, step),
    });
  }

  onError(handle: unknown): this {
    this.#mayChange('onError');
    const open = this.#open.at(-1);
    if (open !== undefined) {
      throw invalid(`onError stands inside the if ${quoted(open.name)}; put it after endIf()`);
    }
    this.#handlers.push({ after: this.#nodes.length, run: functionOf(handle, 'onError') });
    return this;
  }

  /** Ends the building: what is called later is an error. */
  finish(): Chain {
    const open = this.#open.at(-1);
    if (open !== undefined) throw invalid(`the if ${quoted(open.name)} has no endIf()`);
    this.#finished = true;
    return { nodes: this.#nodes, handlers: this.#handlers, names: this.#names };
  }

  #addStep(kind: 'step' | 'action', step: unknown, run: unknown, options: unknown): this {
    const own = this.#ownName(kind, step);
    return this.#add({ kind, name: own, run: functionOf(run, own), ...stepOptions(options, own) });
  }

  #addLoop(
    loop: unknown,
    given: Readonly<Record<string, unknown>>,
    each: unknown,
    size: number | undefined,
  ): this {
    const own = this.#ownName(size === undefined ? 'forEach' : 'batch', loop);
    const { items, concurrency = 1 } = given;
    return this.#add({
      kind: 'loop',
      name: own,
      items: functionOf(items, `items of ${own}`),
      size,
      concurrency: atOnce(concurrency, own),
      each: functionOf(each, own) as LoopNode['each'],
    });
  }

  #add(node: Node): this {
    this.#mayChange(node.name);
    (this.#open.at(-1)?.nodes ?? this.#nodes).push(node);
    return this;
  }

  #ownName(method: string, given: unknown): string {
    this.#mayChange(method);
    const own = checkedName(method, given);
    if (this.#names.has(own)) throw invalid(`the name ${quoted(own)} is given twice`);
    this.#names.add(own);
    return own;
  }

  #branch(method: string, condition: unknown, holds: unknown): Branch & { nodes: Node[] } {
    this.#mayChange(method);
    const own = checkedName(method, condition);
    if (this.#conditions.has(own)) throw invalid(`the condition ${quoted(own)} is given twice`);
    this.#conditions.add(own);
    return { name: own, holds: functionOf(holds, own), nodes: [] };
  }

  #openChoice(method: string): OpenChoice {
    this.#mayChange(method);
    const choice = this.#open.at(-1);
    if (choice === undefined) throw invalid(`${method}() follows no if`);
    if (choice.hasElse) throw invalid(`${method}() follows the else() of ${quoted(choice.name)}`);
    return choice;
  }

  #nextBranch(choice: OpenChoice, branch: Branch & { nodes: Node[] }): this {
    choice.branches.push(branch);
    choice.nodes = branch.nodes;
    return this;
  }

  #mayChange(method: string): void {
    if (this.#finished) {
      throw invalid(`${quoted(method)} came too late: a flow is built before it runs, not by its own steps`);
    }
  }
}
