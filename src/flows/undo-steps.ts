import type { YamlFile } from '../connectors/yaml-file.ts';
import { isJsonObject } from '../domain/json.ts';
import type { Flow } from './flow.ts';
import type { Names } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';
import { StepCompiler } from './step-compiler.ts';
import { runFlowSteps, traceFlowSteps } from './step-flow-run.ts';
import type { StepList } from './step-frame.ts';
import { needsOf } from './step-needs.ts';
import { undoNames } from './undo-call.ts';
import { undoFlow, withUndo } from './undo-flow.ts';

/** The steps that take a record back, and what is known about them. */
export interface UndoSteps {
  readonly compiler: StepCompiler;
  readonly steps: StepList;
}

export interface UndoStepsSite {
  readonly yaml: YamlFile;
  readonly lookups: Lookups;
  /** The key that the steps stand under. */
  readonly key: string;
  /** What the steps of the flow see, one record each. */
  readonly names: Names;
  readonly checkpoint: boolean;
}

/** Compiles the steps of an `undo` block. */
export function compileUndoSteps(
  file: Readonly<Record<string, unknown>>,
  { yaml, lookups, key, names, checkpoint }: UndoStepsSite,
): UndoSteps | undefined {
  if (file.undo === undefined) return undefined;
  const { output } = file;
  const kept = file.size === undefined && isJsonObject(output) ? Object.keys(output) : undefined;
  // A compiler of their own: what they read and do is not what the flow reads and does.
  const compiler = new StepCompiler(yaml, lookups);
  const steps = compiler.steps(file.undo, {
    path: [key],
    names: undoNames(names, kept),
    literalItems: undefined,
    takesChunks: false,
    checkpoint,
  });
  return { compiler, steps };
}

/** The flow with the steps that take its records back. */
export function withUndoSteps(flow: Flow, undo: UndoSteps | undefined): Flow {
  if (undo === undefined) return flow;
  const { compiler, steps } = undo;
  const { needs, environment } = needsOf(compiler);
  const recordSteps = { steps, output: undefined, retry: flow.retry, environment, takesBack: true };
  const taking = undoFlow(flow, {
    kind: 'steps',
    retry: undefined,
    afterFailure: undefined,
    connectors: [...compiler.connectors.values()],
    needs,
    summary: steps.map(({ name, body }) => `${name} (${body.summary})`).join(' → '),
    run: (attempt) => runFlowSteps(recordSteps, attempt),
    trace: (attempt, write) => traceFlowSteps(recordSteps, attempt, write ? 'all' : 'reads'),
    rehearse: (attempt) => traceFlowSteps(recordSteps, attempt, 'inside'),
  });
  return withUndo(flow, taking);
}
