import type { z } from 'zod';
import { checkInput } from '../operations/check-input.ts';
import type { OperationContext } from '../operations/context.ts';
import type { Operation } from '../operations/operation.ts';
import type { Connecting } from './connect.ts';
import type { Probes } from './doctor.ts';
import type { Installation } from './mcp-config.ts';
import type { Stopping } from './stop.ts';
import { counted } from './table.ts';
import type { Terminal } from './terminal.ts';

/** What one call of an operation brings along. */
export interface Call {
  readonly signal: AbortSignal;
  /** Folders that this call may read whatever the configuration says: the person named them. */
  readonly roots?: readonly string[];
  /** Whose flows and drafts it is about; default: this machine's own. */
  readonly owner?: string | null;
}

export interface Folders {
  readonly home: string;
  readonly flows: string;
  readonly exports: string;
}

/** `interrupt`: the person pressed Ctrl-C. `leave`: the process has to end. */
export type Signal = 'interrupt' | 'leave';

/** All that commands may use of the process they run in. */
export interface Host {
  readonly terminal: Terminal;
  readonly cwd: string;
  readonly folders: Folders;
  /** How long payloads of finished jobs are kept, in milliseconds; undefined: for ever. */
  readonly keepMs: number | undefined;
  /** Jobs go on after this process. */
  readonly background: boolean;
  /** What this process has under way gets this long when the command is over, in milliseconds. */
  readonly graceMs: number;
  /** From now on this process runs jobs itself, and not only asks about them. */
  readonly runJobs: () => void;
  readonly context: (call: Call) => OperationContext;
  /** Listens until the returned function is called; meanwhile signals do nothing else. */
  readonly onSignal: (listener: (signal: Signal) => void) => () => void;
  /** Problems of one flow file, each with file, line and column. */
  readonly checkFlowFile: (path: string) => Promise<readonly string[]>;
  /** Problems of `connectors.yaml`, likewise. */
  readonly checkConnectors: () => Promise<readonly string[]>;
  /** The JSON Schema of flow files. */
  readonly flowSchema: () => Promise<unknown>;
  readonly connecting: Connecting;
  readonly probes: Probes;
  readonly stopping: Stopping;
  readonly installation: Installation;
}

/** What a command came to: one document for programs, the same in lines for people. */
export interface Answer {
  readonly json: unknown;
  readonly text: readonly string[];
  /** Default 0. */
  readonly exitCode?: number;
}

/** @throws SluiceError for a wrong input and for whatever the operation refuses. */
export async function invoke<Input extends z.ZodType, Output extends z.ZodType>(
  host: Pick<Host, 'context' | 'terminal'>,
  operation: Operation<Input, Output>,
  given: unknown,
  call: Partial<Call> = {},
): Promise<z.output<Output>> {
  const input = checkInput(operation, given);
  const context = host.context({ signal: new AbortController().signal, ...call });
  const awaitFiles = (records: number) => {
    host.terminal.err.write(
      `Writing the files of ${counted(records, 'record')}; that may take a minute or more.\n`,
    );
  };
  return operation.output.parse(await operation.run({ ...context, awaitFiles }, input));
}
