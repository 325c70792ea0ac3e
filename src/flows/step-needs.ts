import type { ConnectorRegistry } from '../connectors/registry.ts';
import type { PathRead } from './compile-pipe.ts';
import type { Flow } from './flow.ts';
import { type FlowEnvironment, flowEnvironment } from './flow-environment.ts';
import type { StepCompiler } from './step-compiler.ts';

export interface StepNeeds {
  readonly needs: Flow['needs'];
  /** The variables that the texts of the steps read. */
  readonly environment: (connectors: ConnectorRegistry) => FlowEnvironment;
}

/** What a process must have or allow to run the steps that were compiled. */
export function needsOf({ reads, variables: named, mayMiss, codeSteps, approval }: StepCompiler): StepNeeds {
  const ofEnvironment = reads.filter(({ root, path }) => root === 'env' && path.length > 0);
  const read = ofEnvironment.map(variableOf);
  const variables = [...new Set([...read, ...named])];
  const needed = new Set([
    ...ofEnvironment.filter((each) => each.mayMiss !== true).map(variableOf),
    ...[...named].filter((name) => !mayMiss.has(name)),
  ]);
  const reasons = [
    ...approval,
    ...(variables.length === 0 ? [] : [`reads the environment variables ${variables.join(', ')}`]),
  ];
  return {
    needs: {
      codeSteps: [...codeSteps],
      variables,
      mayMiss: variables.filter((name) => !needed.has(name)),
      approval: reasons,
    },
    environment: flowEnvironment([...new Set(read)]),
  };
}

const variableOf = ({ path }: PathRead) => String(path[0]);
