import type { Tool, ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import type { Effect, Operation } from '../operations/operation.ts';
import { inputSchemaOf, outputSchemaOf } from './tool-schema.ts';

const known = new WeakMap<Operation, Tool>();

/** An operation as MCP lists it. Made once: over HTTP every request has a server of its own. */
export function toTool(operation: Operation): Tool {
  const tool = known.get(operation) ?? describe(operation);
  known.set(operation, tool);
  return tool;
}

function describe(operation: Operation): Tool {
  return {
    name: operation.name,
    title: operation.title,
    description: operation.description,
    inputSchema: inputSchemaOf(operation.input),
    outputSchema: outputSchemaOf(operation.output),
    annotations: { title: operation.title, ...hints[operation.effect] },
  };
}

/** What a host may assume of a tool before it asks the person. */
const hints: Record<Effect, Omit<Required<ToolAnnotations>, 'title'>> = {
  read: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  // What a flow does to its target is up to the flow, so it may well destroy.
  run: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  steer: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  export: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  save: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
};
