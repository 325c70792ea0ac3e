import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { expect, test } from 'vitest';
import { createMcpServer } from '../../src/mcp/server.ts';
import type { OperationContext } from '../../src/operations/context.ts';
import { operations } from '../../src/operations/operations.ts';

async function clientOf(batchView: string | undefined): Promise<Client> {
  const server = createMcpServer({
    version: '0.0.0',
    operations,
    batchView,
    context: ({ signal }) =>
      ({ signal, flows: { loaded: async () => [] }, isOpen: () => false }) as unknown as OperationContext,
    onUnexpected: () => {},
  });
  const client = new Client({ name: 'test', version: '0' });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(ours), client.connect(theirs)]);
  return client;
}

test('without a built view no tool leads to one, and all else is the same', async () => {
  const [bare, viewed] = await Promise.all([clientOf(undefined), clientOf('<!doctype html>')]);

  const [{ tools }, { tools: linked }] = await Promise.all([bare.listTools(), viewed.listTools()]);

  expect(tools.filter(({ _meta }) => _meta !== undefined)).toEqual([]);
  expect(linked.map(({ _meta, ...tool }) => tool)).toEqual(tools);
  expect((await bare.listResources()).resources).toEqual([]);
  await expect(bare.readResource({ uri: 'ui://sluice/batch' })).rejects.toThrow('ui://sluice/batch');
  expect((await viewed.listResources()).resources.map(({ uri }) => uri)).toEqual(['ui://sluice/batch']);
});
