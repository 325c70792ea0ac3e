import type { ConnectorRegistry } from '../../../src/connectors/registry.ts';
import { type Failure, RecordFailure } from '../../../src/domain/failure.ts';
import type { JsonObject, JsonValue } from '../../../src/domain/json.ts';
import type { Progress } from '../../../src/domain/progress.ts';
import { BrokenRun } from '../../../src/flows/broken-run.ts';
import { codeFlow } from '../../../src/flows/code/compile-code-flow.ts';
import { definitionOf } from '../../../src/flows/code/define-flow.ts';
import type { Attempt, Flow } from '../../../src/flows/flow.ts';
import type { StateStore } from '../../../src/flows/state.ts';
import { noConnectors } from '../../support/connectors.ts';

/** State by owner and key: `7:processed`, or `job:processed`. */
export type Memory = Map<string, JsonValue>;

export interface RunOptions {
  readonly params?: JsonObject;
  readonly connectors?: ConnectorRegistry;
  readonly indexes?: readonly number[];
  readonly members?: readonly string[];
  readonly signal?: AbortSignal;
  readonly revision?: number;
  /** An earlier attempt at the same record, whose progress and state the run finds. */
  readonly after?: Ran;
  readonly progress?: Progress;
  readonly checkpoint?: (progress: Progress) => Promise<void>;
  /** Text of the module. */
  readonly text?: string;
}

/** What one attempt came to. */
export interface Ran {
  readonly result?: JsonValue;
  readonly failure?: Failure;
  /** What the attempt leaves when it breaks. */
  readonly progress?: Progress | undefined;
  /** Progress that was kept while the attempt went on. */
  readonly kept: readonly Progress[];
  readonly memory: Memory;
  readonly logged: readonly string[];
}

/** The flow of a builder. */
export function flowOf(builder: unknown, text = ''): Flow {
  const definition = definitionOf(builder);
  if (definition === undefined) throw new Error('this comes from nowhere near defineFlow');
  return codeFlow(definition, text);
}

/** Takes one record through a flow. */
export async function run(builder: unknown, payload: JsonValue = {}, options: RunOptions = {}): Promise<Ran> {
  const kept: Progress[] = [];
  const logged: string[] = [];
  const memory: Memory = new Map(options.after?.memory);
  const left = { kept, memory, logged };
  try {
    const result = await flowOf(builder, options.text).run(attempt(payload, options, left));
    return { result: result as JsonValue, ...left };
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    const progress = error instanceof BrokenRun ? stored(error.progress) : undefined;
    return { failure: error.failure, progress, ...left };
  }
}

/** The result of a record that has to succeed. */
export async function resultOf(builder: unknown, payload: JsonValue = {}, options: RunOptions = {}) {
  const { result, failure } = await run(builder, payload, options);
  if (failure !== undefined) throw new Error(JSON.stringify(failure));
  return result;
}

/** The failure of a record that has to fail. */
export async function failureOf(builder: unknown, payload: JsonValue = {}, options: RunOptions = {}) {
  const { result, failure } = await run(builder, payload, options);
  if (failure === undefined) throw new Error(`succeeded with ${JSON.stringify(result)}`);
  return failure;
}

interface Left {
  readonly kept: Progress[];
  readonly memory: Memory;
  readonly logged: string[];
}

export function attempt(payload: JsonValue, options: RunOptions, { kept, memory, logged }: Left): Attempt {
  const before = options.progress ?? options.after?.progress ?? options.after?.kept.at(-1);
  return {
    batchJobId: 'job-1',
    params: options.params ?? {},
    connectors: options.connectors ?? noConnectors(),
    signal: options.signal ?? new AbortController().signal,
    state: (index) => stateIn(memory, index === null ? 'job' : String(index)),
    log: (line) => logged.push(line),
    glob: async () => [],
    total: 10,
    index: options.indexes?.[0] ?? 7,
    id: null,
    ...(options.members === undefined ? {} : { members: options.members }),
    revision: options.revision ?? 0,
    payload,
    indexes: options.indexes,
    progress: before === undefined ? undefined : stored(before),
    checkpoint: async (progress) => {
      kept.push(stored(progress) as Progress);
      await options.checkpoint?.(progress);
    },
  };
}

export function stateIn(memory: Memory, owner: string): StateStore {
  return {
    get: async (key) => memory.get(`${owner}:${key}`),
    set: async (key, value) => void memory.set(`${owner}:${key}`, value),
    async incr(key, by) {
      const sum = Number(memory.get(`${owner}:${key}`) ?? 0) + by;
      memory.set(`${owner}:${key}`, sum);
      return sum;
    },
  };
}

/** As it comes back from the database. */
function stored<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}

/** A promise, and the means to settle it. */
export function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
