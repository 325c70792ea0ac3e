import type { ConnectorRegistry } from '../connectors/registry.ts';
import { RecordFailure } from '../domain/failure.ts';
import { noRetry } from '../domain/retry-policy.ts';
import type { Flow } from '../flows/flow.ts';
import { isSluicesOwn } from '../flows/flow-environment.ts';
import type { StoredKind } from '../flows/stored-flow.ts';
import type { BatchJob } from '../store/jobs.ts';

/** What the operator lets flows do in this process. */
export interface Permissions {
  /** Steps that run programs of this machine. */
  readonly allowCodeSteps: boolean;
  /** Environment variables that flows may name; undefined: any but those that are Sluice's own. */
  readonly allowedVariables: readonly string[] | undefined;
}

/** Why this process cannot run a flow, or null. */
export function obstacleOf(
  flow: Flow,
  connectors: ConnectorRegistry,
  permissions: Permissions,
): string | null {
  for (const { name, type } of flow.connectors) {
    const obstacle = connectors.obstacle(name, type);
    if (obstacle !== undefined) return obstacle;
  }
  return (
    codeStepsObstacle(flow, permissions.allowCodeSteps) ?? variableObstacle(flow, connectors, permissions)
  );
}

/** A job that a person has to approve, and nobody has, is run by no process, whatever brought it here. */
export function approvalObstacle({ name, confirm }: Flow, { id, approvedBy }: BatchJob): string | null {
  if (confirm !== 'human' || approvedBy !== null) return null;
  return `The flow ${name} wants a person's approval, and batch job ${id} has none. Cancel it and start a new one.`;
}

/** A flow with steps that run programs needs the operator's word for it. */
export function codeStepsObstacle({ name, needs }: Flow, allowed: boolean): string | null {
  if (allowed || needs.codeSteps.length === 0) return null;
  const kinds = [...new Set(needs.codeSteps)].join(' and ');
  return `The flow ${name} has ${kinds} steps, which run programs of this machine; the operator allows them with SLUICE_ALLOW_CODE_STEPS=1.`;
}

function variableObstacle(
  flow: Flow,
  connectors: ConnectorRegistry,
  permissions: Permissions,
): string | null {
  const { allowedVariables } = permissions;
  for (const variable of flow.needs.variables) {
    const named = `The flow ${flow.name} names the variable ${variable}`;
    if (isSluicesOwn(variable)) return `${named}, which is Sluice's own and never given to a flow.`;
    if (allowedVariables !== undefined && !allowedVariables.includes(variable)) {
      return `${named}, which SLUICE_ALLOW_ENV does not list.`;
    }
    const mayMiss = flow.needs.mayMiss?.includes(variable) === true;
    if (!mayMiss && connectors.variable(variable) === undefined) {
      return `${named}, which is not set. Set it in the environment or in secrets.env.`;
    }
  }
  return null;
}

/** Why the text of a job's flow cannot be run here. */
export function unreadable({ flow }: BatchJob, kind: StoredKind): string {
  if (kind !== 'code')
    return `The stored flow ${flow.name} (${flow.revision}) cannot be read by this version of Sluice.`;
  return `The code flow ${flow.name} has changed since the job started (revision ${flow.revision}); put that text back or cancel the job.`;
}

/** The job is over but for what is under way, what has to be skipped, and the end part of its flow. */
export const isEnding = ({ status }: BatchJob) => status === 'failed' || status === 'cancelled';

/** Stands for the flow of a job that only has to be wound up, where something keeps the flow from running. */
export function windingUp(job: BatchJob, flow: Flow | undefined, why: string): Flow {
  return {
    ...(flow ?? unreadFlow(job)),
    atEnd() {
      throw new RecordFailure({
        class: 'data',
        code: 'end_part_not_run',
        message: `The end part could not run: ${why}`,
      });
    },
  };
}

const unreadFlow = (job: BatchJob): Flow => ({
  ...job.flow,
  description: null,
  text: '',
  kind: 'steps',
  hasEffects: true,
  retry: noRetry,
  afterFailure: 'log',
  batch: {},
  chunk: job.chunkSize > 1 ? { size: job.chunkSize, onError: 'fail' } : undefined,
  parameters: [],
  connectors: [],
  needs: { codeSteps: [], variables: [], approval: [] },
  expects: [],
  summary: '',
  run() {
    throw new Error('a job that is being wound up runs no record');
  },
  trace: undefined,
});
