import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { type CompleteRequest, CompleteRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { completeFlow, completeJob } from '../operations/completions.ts';
import type { OperationContext } from '../operations/context.ts';
import { type Completed, completedBy } from './prompts.ts';
import { type Asking, answered } from './resources.ts';

/** The protocol's own limit. */
const valuesAtMost = 100;

const complete: Readonly<Record<Completed, (context: OperationContext, typed: string) => Promise<string[]>>> =
  { flow: completeFlow, job: completeJob };

/** Serves the rest of a word that a person types into a prompt or an address. */
export function serveCompletions(server: Server, asking: Asking): void {
  server.setRequestHandler(CompleteRequestSchema, ({ params }, { signal }) =>
    answered(asking, 'completion/complete', async () => {
      const by = completedWith(params);
      const found = by === undefined ? [] : await complete[by](asking.context(signal), params.argument.value);
      const values = found.slice(0, valuesAtMost);
      return { completion: { values, total: found.length, hasMore: found.length > values.length } };
    }),
  );
}

function completedWith({ ref, argument }: CompleteRequest['params']): Completed | undefined {
  if (ref.type === 'ref/prompt') return completedBy(ref.name, argument.name);
  if (ref.uri.startsWith('flow:') && argument.name === 'name') return 'flow';
  return ref.uri.startsWith('batch:') && argument.name === 'id' ? 'job' : undefined;
}
