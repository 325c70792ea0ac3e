import type { ConnectorRegistry } from '../../connectors/registry.ts';
import { RecordFailure } from '../../domain/failure.ts';
import { idempotencyKey } from '../../domain/idempotency.ts';
import type { JsonValue } from '../../domain/json.ts';
import { membersMark } from '../chunk-members.ts';
import type { Attempt, Ending, RunContext } from '../flow.ts';
import type { FlowEnvironment } from '../flow-environment.ts';
import type { CodeRun, Site } from './code-run.ts';
import type { FlowDefinition } from './define-flow.ts';
import { Frame } from './frame.ts';
import { checkedPayload } from './input-check.ts';
import { jsonOf } from './json-result.ts';
import { KeptProgress } from './kept-progress.ts';
import { runChain } from './run-chain.ts';
import { stepFailure } from './step-failure.ts';
import { guarded } from './user-call.ts';
import { endingContext } from './user-context.ts';

/** A flow in code, ready to be run. */
export interface FlowCode {
  readonly definition: FlowDefinition;
  /** Of the module. */
  readonly text: string;
  readonly environment: (connectors: ConnectorRegistry) => FlowEnvironment;
}

/**
 * Takes one record, or one chunk of them, through the flow.
 *
 * @throws RecordFailure, or the signal's reason
 */
export function runOverRecord(code: FlowCode, attempt: Attempt): JsonValue | Promise<JsonValue> {
  const { settings, chain } = code.definition;
  const site = siteOf(code, attempt, keysOf(attempt));
  return site.environment.masked(async () => {
    const kept = new KeptProgress(attempt);
    try {
      const payload = await inputOf(code, attempt);
      const run: CodeRun = {
        ...site,
        payload,
        keeps: settings.checkpoint ?? false,
        hasEffects: settings.effects ?? true,
      };
      return await runChain(chain, new Frame(run, kept));
    } catch (error) {
      throw error instanceof RecordFailure ? kept.broken(error) : error;
    }
  });
}

/** Runs the `finally` function. Its retries are the engine's. */
export function runAtEnd(code: FlowCode, ending: Ending): JsonValue | Promise<JsonValue> {
  const { settings } = code.definition;
  const path = 'finally';
  const { batchJobId, wave } = ending;
  const site = siteOf(code, ending, (step, call) => `${batchJobId}:${step}${wave}:${call}`);
  return site.environment.masked(async () => {
    const place = { path, subject: path };
    const result = await guarded(ending.signal, place, true, () =>
      settings.finally?.(endingContext(site, path)),
    );
    return jsonOf(result, 'the result of finally');
  });
}

async function inputOf({ definition: { settings }, text }: FlowCode, attempt: Attempt): Promise<unknown> {
  try {
    return await checkedPayload(attempt.payload, settings.input, attempt.indexes !== undefined, text);
  } catch (error) {
    throw stepFailure(error, { path: 'input', subject: 'the input schema' });
  }
}

function siteOf<Context extends RunContext>(
  { definition: { settings }, text, environment }: FlowCode,
  context: Context,
  keyOf: Site['keyOf'],
) {
  return {
    context,
    environment: environment(context.connectors),
    connectors: new Set(settings.connectors),
    variables: new Set(settings.env),
    keyOf,
    text,
  };
}

function keysOf(attempt: Attempt): Site['keyOf'] {
  const { batchJobId, index, revision } = attempt;
  const mark = membersMark(attempt);
  return (path, loop) => idempotencyKey({ batchJobId, index, step: path + mark, loop, revision });
}
