import type { HttpRequest } from '../connectors/http.ts';
import { idempotencyKey } from '../domain/idempotency.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { noRetry } from '../domain/retry-policy.ts';
import type { Attempt, Flow } from './flow.ts';
import { flowIdOf, revisionOf } from './flow-identity.ts';
import { offeredIn, operationStep } from './offered-operation.ts';
import { runInDatabase } from './operations-in-database.ts';

/** Calls of one connector that come with the records: what a job of `POST /batch` runs. */
export interface Operations {
  readonly connector: string;
  readonly type: 'http' | 'sql';
  /** Somebody waits for the answers: trouble of the target makes operations fail, and never pauses the job. */
  readonly isAwaited: boolean;
}

/** So many at most are answered in the response, and in a database they share a transaction. */
export const awaitedAtMost = 100;

const concurrency = 10;

/** No file of a flow can have such a name, so nothing that people or assistants write can pass for this. */
const nameBegins = 'batch:';

/** Whether a flow with this name takes operations. */
export const takesOperations = (flowName: string) => flowName.startsWith(nameBegins);

/** The flow that carries operations out. Its text says which ones, so that any process can go on with the job. */
export function operationsFlow({ connector, type, isAwaited }: Operations): Flow {
  const text = JSON.stringify({ connector, type, isAwaited });
  const inOne = type === 'sql' && isAwaited;
  const name = `${nameBegins}${connector}`;
  return {
    flowId: flowIdOf(name),
    name,
    version: null,
    revision: revisionOf(text),
    description: null,
    text,
    kind: 'steps',
    storedAs: 'operations',
    hasEffects: true,
    retry: noRetry,
    afterFailure: 'log',
    batch: { concurrency: inOne ? 1 : concurrency, idField: 'id' },
    chunk: inOne ? { size: awaitedAtMost, onError: 'fail' } : undefined,
    parameters: [],
    connectors: [{ name: connector, type }],
    needs: { codeSteps: [], variables: [], approval: [] },
    expects: [],
    summary: `operations of ${connector}`,
    neverPauses: isAwaited,
    run: (attempt) => (type === 'sql' ? runInDatabase(connector, attempt) : carryOut(connector, attempt)),
    trace: undefined,
  };
}

/** The flow whose text was kept with a job; undefined: it is of no version that is known. */
export function readOperationsFlow(text: string): Flow | undefined {
  const { connector, type, isAwaited } = JSON.parse(text) as JsonObject;
  if (typeof connector !== 'string' || typeof isAwaited !== 'boolean') return undefined;
  return type === 'http' || type === 'sql' ? operationsFlow({ connector, type, isAwaited }) : undefined;
}

async function carryOut(connector: string, attempt: Attempt): Promise<JsonValue> {
  const request = requestOf(connector, attempt);
  const { status, body } = await attempt.connectors.http(connector).call(request);
  return { status, body };
}

function requestOf(connector: string, attempt: Attempt): HttpRequest {
  const { offer, ...operation } = offeredIn(connector, attempt.connectors, attempt.payload);
  return {
    ...operation,
    idempotencyKey: idempotencyKey({ ...attempt, step: operationStep }),
    step: operationStep,
    endpoint: offer.pattern,
    whole: true,
    signal: attempt.signal,
  };
}
