import { createToken, listAccessTokens, replaceToken, revokeToken } from '../operations/access-tokens.ts';
import { type Command, groups } from './command.ts';
import { operationCommand } from './operation-command.ts';
import { span, table } from './table.ts';

const keepIt = 'It is shown this once: keep it where its holder keeps secrets.';

const create = operationCommand({
  name: 'tokens create',
  summary: 'make a token for HTTP; its owner sees nobody else’s jobs, flows and uploads',
  group: groups.home,
  args: '<owner>',
  positional: [{ parameter: 'owner' }],
  operation: createToken,
  examples: [
    'sluice tokens create ada --label laptop --expires 90d',
    'sluice tokens create acme --flow customer-import',
  ],
  show: (_, { token }) => [token],
  aside: ({ id }) => [`Token ${id}. ${keepIt}`],
});

const list: Command = {
  isDefault: true,
  ...operationCommand({
    name: 'tokens list',
    summary: 'list the tokens that are good',
    group: groups.home,
    operation: listAccessTokens,
    show: (_, { tokens }) =>
      tokens.length === 0
        ? ['No tokens. `sluice tokens create <owner>` makes one.']
        : table(
            columns,
            tokens.map((token) => [
              token.id,
              token.prefix,
              token.owner,
              token.flow ?? '',
              token.label ?? '',
              token.expires_at?.slice(0, 16).replace('T', ' ') ?? 'never',
            ]),
          ),
  }),
};

const columns = [
  { title: 'ID' },
  { title: 'TOKEN' },
  { title: 'OWNER' },
  { title: 'FLOW' },
  { title: 'LABEL' },
  { title: 'ENDS (UTC)' },
] as const;

const revoke = operationCommand({
  name: 'tokens revoke',
  summary: 'end a token, at once or after a while',
  group: groups.home,
  args: '<id>',
  positional: [{ parameter: 'id' }],
  operation: revokeToken,
  examples: ['sluice tokens revoke 5f0c31aa', 'sluice tokens revoke 5f0c31aa --grace 24h'],
  show: (_, { id, ends_in_seconds: seconds }) => [
    seconds === 0 ? `Token ${id} has ended.` : `Token ${id} ends in ${span(seconds)}.`,
  ],
});

const rotate = operationCommand({
  name: 'tokens rotate',
  summary: 'make a new token in place of another, which stays good for a while',
  group: groups.home,
  args: '<id>',
  positional: [{ parameter: 'id' }],
  operation: replaceToken,
  examples: ['sluice tokens rotate 5f0c31aa --grace 1h'],
  show: (_, { token }) => [token],
  aside: ({ id, replaces, old_ends_in_seconds }) => [
    `Token ${id}. ${keepIt}`,
    `The one before, ${replaces}, ends in ${span(old_ends_in_seconds)}.`,
  ],
});

export const tokenCommands: readonly Command[] = [list, create, revoke, rotate];
