/** What modules with flows import as `sluice-mcp`. */
export { defineFlow, defineFlow as define } from './flows/code/define-flow.ts';
export type {
  ErrorContext,
  FlowBuilder,
  ItemsOf,
  LoopFlow,
  LoopOptions,
  StepOptions,
} from './flows/code/flow-builder.ts';
export type {
  BatchContext,
  CallAnswer,
  CallRequest,
  Context,
  FlowEnding,
  FlowResult,
  FlowState,
  Output,
  StepOutput,
} from './flows/code/flow-context.ts';
export type { FailureAction, FlowSettings, InputSchema, RetrySettings } from './flows/code/flow-settings.ts';
export { PermanentError, TransientError } from './flows/code/step-errors.ts';
