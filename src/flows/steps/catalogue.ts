import { aggregate } from './aggregate.ts';
import { batch } from './batch.ts';
import { echo } from './echo.ts';
import { fail } from './fail.ts';
import { httpRequest } from './http-request.ts';
import { mcpTool } from './mcp-tool.ts';
import { python } from './python.ts';
import { shell } from './shell.ts';
import { sql } from './sql.ts';
import type { StepKind } from './step-kind.ts';
import { switchStep } from './switch.ts';
import { transform } from './transform.ts';

/** Every kind of step, in the order of the reference. */
export const stepKinds: readonly StepKind[] = [
  httpRequest,
  transform,
  echo,
  fail,
  shell,
  python,
  sql,
  mcpTool,
  switchStep,
  batch,
  aggregate,
];

/** By name and by alias. */
export const stepKindsByName: ReadonlyMap<string, StepKind> = new Map(
  stepKinds.flatMap((kind) => [kind.name, ...(kind.aliases ?? [])].map((name) => [name, kind] as const)),
);
