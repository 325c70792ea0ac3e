import { Option } from 'commander';
import { shellWord } from '../domain/shell-word.ts';
import { type Command, groups } from './command.ts';
import { toJson } from './terminal.ts';

/** How this Sluice is started. */
export interface Installation {
  /** Absolute path of the node that runs it. */
  readonly node: string;
  /** Absolute path of its main file. */
  readonly main: string;
  /** What of the environment a server needs to be the same Sluice. */
  readonly env: Readonly<Record<string, string>>;
}

interface Client {
  readonly place: string;
  readonly config: (installation: Installation) => unknown;
}

const server = ({ node, main, env }: Installation) => ({ command: node, args: [main, 'mcp'], env });
const mcpServers = (installation: Installation) => ({ mcpServers: { sluice: server(installation) } });

const clients = {
  'claude-desktop': {
    place: 'Settings > Developer > Edit Config (claude_desktop_config.json); then restart Claude Desktop',
    config: mcpServers,
  },
  'claude-code': { place: 'a terminal', config: claudeCommand },
  vscode: {
    place: '.vscode/mcp.json of a folder, or the command "MCP: Open User Configuration"',
    config: (installation) => ({ servers: { sluice: { type: 'stdio', ...server(installation) } } }),
  },
  cursor: { place: '~/.cursor/mcp.json, or .cursor/mcp.json of a folder', config: mcpServers },
} as const satisfies Record<string, Client>;

function claudeCommand({ node, main, env }: Installation): string {
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const words = ['claude', 'mcp', 'add', 'sluice', ...variables, '--', node, main, 'mcp'];
  return words.map(shellWord).join(' ');
}

export const mcpConfig: Command = {
  name: 'mcp-config',
  summary: 'print what a chat client needs to know to use Sluice',
  group: groups.home,
  options: () => [
    new Option('--client <name>', 'the chat client').choices(Object.keys(clients)).default('claude-desktop'),
  ],
  examples: ['sluice mcp-config', 'sluice mcp-config --client claude-code'],
  async run({ installation, terminal }, { options, json }) {
    const client: Client = clients[options.client as keyof typeof clients];
    const config = client.config(installation);
    if (!json) terminal.err.write(`${hints(client, installation).join('\n')}\n`);
    return { json: config, text: [typeof config === 'string' ? config : toJson(config)] };
  },
};

function hints({ place }: Client, { env }: Installation): string[] {
  return [
    `Goes into: ${place}`,
    'A client does not pass on the variables of your shell: secrets of connectors belong in secrets.env of SLUICE_HOME.',
    ...('DATABASE_URL' in env ? ['Mind that DATABASE_URL may hold a password.'] : []),
  ];
}
