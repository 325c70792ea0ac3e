import { type Command, groups } from './command.ts';
import { toJson } from './terminal.ts';

export const schema: Command = {
  group: groups.flows,
  name: 'flows schema',
  summary: 'print the JSON Schema of flow files, for editors',
  examples: ['sluice flows schema > flow.schema.json'],
  async run(host) {
    const document = await host.flowSchema();
    return { json: document, text: [toJson(document)] };
  },
};
