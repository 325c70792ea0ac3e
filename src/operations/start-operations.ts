import { z } from 'zod';
import { nearest } from '../domain/nearest.ts';
import { SluiceError, type WrongItem } from '../domain/sluice-error.ts';
import type { ConnectorState } from '../engine/readiness.ts';
import { awaitedAtMost, operationsFlow } from '../flows/operations-flow.ts';
import type { OperationContext } from './context.ts';
import { jobOutput } from './counts.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import { readCalls } from './operation-calls.ts';
import { startJob } from './start-batch.ts';
import type { StartInput } from './start-input.ts';

/** Operations of one call. */
const operationsAtMost = 1000;

const input = z.strictObject({
  connector: textInput(100),
  operations: z.array(z.unknown()).min(1),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(50)
    .optional()
    .describe('Operations under way at once; default 10'),
  idempotency_key: textInput(200).optional().describe('The same key and operations are carried out once'),
});

/** Calls of a connector that a program brings along, each with its own outcome. */
export const startOperations = defineOperation({
  name: 'start_operations',
  title: 'Start a batch of operations',
  description: 'Makes a batch job of calls to one connector, after everything has been checked.',
  effect: 'run',
  input,
  output: z.object({
    ...jobOutput,
    is_awaited: z.boolean().describe('Few enough to be answered in the response'),
    replayed: z.boolean(),
  }),

  async run(context, { connector: name, operations, concurrency, idempotency_key }) {
    if (operations.length > operationsAtMost) throw tooMany(operations.length);
    const { offers, ownHeaders, type } = await connectorFor(context, name);
    const { maxRecordBytes, maxConcurrency } = context.limits;
    const read = readCalls(operations, { offers, isDatabase: type === 'sql', ownHeaders, maxRecordBytes });
    if ('errors' in read) throw refused(read.errors);
    const is_awaited = operations.length <= awaitedAtMost;
    const flow = operationsFlow({
      connector: name,
      type: type === 'sql' ? type : 'http',
      isAwaited: is_awaited,
    });
    const started = await startJob(context, flow, {
      flow_id: name,
      records: read.calls as StartInput['records'],
      // Those of a transaction are carried out one after the other.
      concurrency: flow.chunk === undefined ? Math.min(concurrency ?? 10, maxConcurrency) : 1,
      allow_repeat: true,
      ...(idempotency_key === undefined ? {} : { idempotency_key }),
    });
    return { ...started, is_awaited };
  },
});

/** @throws SluiceError unless the connector is there, can be used, and offers something. */
async function connectorFor({ readiness }: OperationContext, name: string): Promise<ConnectorState> {
  const all = await readiness.connectors();
  const offering = all.filter(({ offers }) => offers.length > 0);
  const found = offering.find((connector) => connector.name === name);
  if (found !== undefined && found.missing === undefined) return found;
  if (found?.missing !== undefined)
    throw new SluiceError('connector_invalid', `${found.missing.reason} Nothing was started.`);
  const guess = nearest(
    name,
    offering.map((connector) => connector.name),
  );
  const advice =
    guess === undefined
      ? 'A connector says in connectors.yaml which operations it offers this way: batch: { allow: [POST /users] }.'
      : `Did you mean ${guess}?`;
  const message = `No connector ${JSON.stringify(name)} offers operations. ${advice} Nothing was started.`;
  throw new SluiceError('connector_invalid', message, {
    errors: [{ field: 'connector', message: 'is not known' }],
  });
}

const tooMany = (count: number) =>
  new SluiceError(
    'too_many_operations',
    `A batch has at most ${operationsAtMost} operations; these are ${count}. Nothing was started.`,
  );

/** The first ones in words, all of them for programs. */
function refused(errors: readonly WrongItem[]): SluiceError {
  const shown = errors.slice(0, 5).map(({ index, field, message }) => {
    const place = `operations[${index}]${field === undefined ? '' : `.${field}`}`;
    return `${place} ${message}`;
  });
  const more = errors.length > shown.length ? `; and ${errors.length - shown.length} more` : '';
  return new SluiceError('invalid_input', `${shown.join('; ')}${more}. Nothing was started.`, { errors });
}
