import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openRegistry } from '../../../src/connectors/open-registry.ts';
import type { ConnectorRegistry } from '../../../src/connectors/registry.ts';
import { type Failure, RecordFailure } from '../../../src/domain/failure.ts';
import type { JsonObject, JsonValue } from '../../../src/domain/json.ts';
import type { Progress } from '../../../src/domain/progress.ts';
import type { FinishedRecord, Share } from '../../../src/domain/record.ts';
import { BrokenRun } from '../../../src/flows/broken-run.ts';
import { ChunkResult } from '../../../src/flows/chunk-result.ts';
import { compileFlow } from '../../../src/flows/compile-flow.ts';
import type { Attempt, Ending, Flow } from '../../../src/flows/flow.ts';
import { formatProblem } from '../../../src/flows/flow-identity.ts';

export interface RunOptions {
  readonly params?: JsonObject;
  readonly env?: Readonly<Record<string, string>>;
  /** Text of connectors.yaml. */
  readonly connectors?: string;
  readonly progress?: Progress;
  readonly indexes?: readonly number[];
  readonly signal?: AbortSignal;
  readonly glob?: (pattern: string) => Promise<readonly string[]>;
  readonly allowPrivateHosts?: boolean;
}

/** What one attempt came to. */
export interface Ran {
  readonly result?: JsonValue;
  /** In place of the result: what each record of a chunk came to. */
  readonly shares?: readonly Share[];
  readonly failure?: Failure;
  readonly broken?: BrokenRun;
  /** Progress that was kept while the attempt went on. */
  readonly kept: readonly Progress[];
}

export function compiled(text: string): Flow {
  const made = compileFlow(text, 'a.yaml');
  if ('flow' in made) return made.flow;
  throw new Error(made.problems.map(formatProblem).join('\n'));
}

/** `line:column message; suggestion` of everything wrong with a file. */
export function problemsIn(text: string): string[] {
  const made = compileFlow(text, 'a.yaml');
  return 'flow' in made ? [] : made.problems.map((problem) => formatProblem(problem).replace('a.yaml:', ''));
}

/** Takes one record through a flow with real connectors, which may reach loopback. */
export async function run(text: string, payload: JsonValue = {}, options: RunOptions = {}): Promise<Ran> {
  const kept: Progress[] = [];
  const attempt = await attemptAt(payload, options, kept);
  try {
    const result = await compiled(text).run(attempt);
    return result instanceof ChunkResult ? { shares: result.shares, kept } : { result, kept };
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    return { failure: error.failure, kept, ...(error instanceof BrokenRun ? { broken: error } : {}) };
  }
}

/** The result of a record that has to succeed. */
export async function resultOf(
  text: string,
  payload: JsonValue = {},
  options: RunOptions = {},
): Promise<JsonValue> {
  const { result, failure } = await run(text, payload, options);
  if (failure !== undefined) throw new Error(JSON.stringify(failure));
  return result ?? null;
}

/** Runs the `finally` part over the given records. */
export async function endingOf(text: string, records: readonly FinishedRecord[], options: RunOptions = {}) {
  const { batchJobId, params, connectors, signal, state, log, glob } = await attemptAt(null, options, []);
  const counts = {
    total: records.length,
    succeeded: records.filter(({ status }) => status === 'succeeded').length,
  };
  const ending: Ending = {
    ...{ batchJobId, params, connectors, signal, state, log, glob },
    wave: 0,
    status: 'completed_with_errors',
    counts,
    async *results() {
      yield* records;
    },
  };
  return compiled(text).atEnd?.(ending);
}

export async function attemptAt(
  payload: JsonValue,
  options: RunOptions,
  kept: Progress[] = [],
): Promise<Attempt> {
  return {
    batchJobId: '0190-job',
    params: options.params ?? {},
    connectors: await registryOf(options),
    signal: options.signal ?? new AbortController().signal,
    state: () => {
      throw new Error('flows of steps keep no state');
    },
    log: () => {},
    glob: options.glob ?? (async () => []),
    total: 10,
    index: 7,
    id: null,
    revision: 0,
    payload,
    indexes: options.indexes,
    progress: options.progress,
    checkpoint: async (progress) => void kept.push(structuredClone(progress)),
  };
}

async function registryOf({
  connectors = '',
  env = {},
  allowPrivateHosts = true,
}: RunOptions): Promise<ConnectorRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-steps-'));
  await writeFile(join(folder, 'connectors.yaml'), connectors);
  const registry = await openRegistry({
    folder,
    env,
    secretsFile: join(folder, 'secrets.env'),
    allowPrivateHosts,
  });
  onTestFinished(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });
  return registry;
}
