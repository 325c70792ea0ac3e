import { z } from 'zod';
import { RecordFailure } from '../../domain/failure.ts';
import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { type StepCall, type StepSite, stepKind } from './step-kind.ts';

const settings = z.strictObject({
  server: z.string().optional().describe('A name from connectors.yaml, of `type: mcp`.'),
  connector: z.string().optional().describe('Another word for server.'),
  tool: z.string().min(1, 'must be the name of a tool').describe('Name of the tool; no places.'),
  arguments: z
    .union([z.record(z.string(), z.unknown()), z.string()], {
      error: 'must be an object, or a place such as {{ record }} that is one',
    })
    .optional()
    .describe('Handed to the tool; places at any depth. Nothing unless given.'),
});

export const mcpTool = stepKind({
  name: 'mcp_tool',
  aliases: ['mcp'],
  doc: [
    'Calls a tool of an MCP server: one that connectors.yaml names, started here or reached by URL. The result is the `structuredContent` of the answer; without it the text, parsed when it is an object or a list; else the content, with the size of images and files instead of their data. At most 1 MiB of it.',
    'A tool that answers with an error fails the record; a server that ends or does not answer is a transient failure. A lost answer leaves in doubt whether the tool has acted, unless its annotations say that it only reads or may be repeated.',
  ].join('\n\n'),
  example: `type: mcp_tool
server: crm
tool: create_customer
arguments: { name: "{{ record.name }}", tags: [import, "{{ record.country }}"] }
`,
  settings,
  compile({ server, connector, tool }, site) {
    if ((server === undefined) === (connector === undefined)) {
      const problem = server === undefined ? 'is missing' : 'is another word for connector; give one';
      site.problem(['server'], problem, 'name a connector of type: mcp in connectors.yaml');
    }
    const name = server ?? connector ?? '';
    refusePlaces(site, server === undefined ? 'connector' : 'server', name);
    refusePlaces(site, 'tool', tool);
    const input = site.value('arguments');
    const argumentsFor = ({ scope, step }: StepCall): JsonObject => {
      const value = input?.(scope) ?? {};
      if (isJsonObject(value)) return value;
      throw new RecordFailure({
        class: 'data',
        code: 'arguments_not_an_object',
        message: `the arguments for the tool ${tool} are no object`,
        step,
      });
    };

    return {
      hasEffects: true,
      summary: `${name} ${tool}`,
      connectors: [{ name, type: 'mcp' }],
      keepsTime: true,
      approval: ['mcp_tool steps reach tools of other servers'],
      preview: (call) => ({ server: name, tool, arguments: argumentsFor(call) }),
      run(call) {
        const { step, signal, timeoutMs, frame } = call;
        const request = { tool, arguments: argumentsFor(call), step, signal };
        const limited = timeoutMs === undefined ? request : { ...request, timeoutMs };
        return frame.context.connectors.mcp(name).call(limited);
      },
    };
  },
});

/** What is called is for the author to decide, never for a record. */
function refusePlaces(site: StepSite, key: string, text: string): void {
  const at = text.search(/\{[{%]/);
  if (at !== -1) site.problemAt([key], at, 'takes no places', 'use a switch step to choose between tools');
}
