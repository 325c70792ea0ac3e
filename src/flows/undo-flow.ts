import type { RecordFailureAction } from '../domain/job.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import type { Flow } from './flow.ts';

/** What an `undo` block says. */
export interface UndoParts
  extends Pick<Flow, 'kind' | 'connectors' | 'summary' | 'run' | 'trace' | 'rehearse'> {
  /** undefined: as the flow itself. */
  readonly retry: RetryPolicy | undefined;
  readonly afterFailure: RecordFailureAction | undefined;
  readonly needs?: Flow['needs'];
}

/**
 * The flow that takes records of another one back. Its payload is `{index, record, result}`, so that it has none of
 * what a flow says about the payload of its own.
 */
export function undoFlow(flow: Flow, { retry, afterFailure, needs, ...parts }: UndoParts): Flow {
  const { flowId, name, version, revision, description, text, parameters, redact, confirm } = flow;
  const { concurrency, rate } = flow.batch;
  return {
    flowId,
    name,
    version,
    revision,
    description,
    text,
    parameters,
    hasEffects: true,
    retry: retry ?? flow.retry,
    afterFailure: afterFailure ?? 'log',
    batch: {
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(rate === undefined ? {} : { rate }),
    },
    chunk: undefined,
    needs: needs ?? { codeSteps: [], variables: [], approval: [] },
    expects: [],
    // Taking back is sending, too.
    confirm: confirm === 'human' ? confirm : undefined,
    redact: redact?.map((path) => `record.${path}`),
    ...parts,
  };
}

/** The flow with its `undo`. It needs what its undo needs, so that nobody finds out only when it is too late. */
export function withUndo(flow: Flow, undo: Flow): Flow {
  const both = [...flow.connectors, ...undo.connectors];
  const merged = (of: (needs: Flow['needs']) => readonly string[]) => [
    ...new Set([...of(flow.needs), ...of(undo.needs)]),
  ];
  const needed = [flow.needs, undo.needs].flatMap(({ variables, mayMiss = [] }) =>
    variables.filter((name) => !mayMiss.includes(name)),
  );
  return {
    ...flow,
    connectors: both.filter(
      ({ name, type }, at) => both.findIndex((other) => other.name === name && other.type === type) === at,
    ),
    needs: {
      codeSteps: merged(({ codeSteps }) => codeSteps),
      variables: merged(({ variables }) => variables),
      mayMiss: merged(({ mayMiss = [] }) => mayMiss).filter((name) => !needed.includes(name)),
      approval: merged(({ approval }) => approval),
    },
    undo,
  };
}
