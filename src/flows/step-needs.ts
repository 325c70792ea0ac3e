import type { ConnectorRegistry } from '../connectors/registry.ts';
import type { Flow } from './flow.ts';
import { type FlowEnvironment, flowEnvironment } from './flow-environment.ts';
import type { StepCompiler } from './step-compiler.ts';

export interface StepNeeds {
  readonly needs: Flow['needs'];
  /** The variables that the texts of the steps read. */
  readonly environment: (connectors: ConnectorRegistry) => FlowEnvironment;
}

/** What a process must have or allow to run the steps that were compiled. */
export function needsOf({ reads, variables: named, codeSteps, approval }: StepCompiler): StepNeeds {
  const read = reads.flatMap(({ root, path }) =>
    root === 'env' && path.length > 0 ? [String(path[0])] : [],
  );
  const variables = [...new Set([...read, ...named])];
  const reasons = [
    ...approval,
    ...(variables.length === 0 ? [] : [`reads the environment variables ${variables.join(', ')}`]),
  ];
  return {
    needs: { codeSteps: [...codeSteps], variables, approval: reasons },
    environment: flowEnvironment([...new Set(read)]),
  };
}
