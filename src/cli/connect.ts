import { InvalidArgumentError, Option } from 'commander';
import { type Command, type Given, groups } from './command.ts';
import type { Answer, Host } from './host.ts';
import { openQuestions } from './questions.ts';
import { visible } from './terminal.ts';

/** What a person wants a connector to be. */
export interface ConnectorWish {
  readonly name: string;
  readonly type?: 'http' | 'sql' | 'mcp';
  /** A URL, or a program and its arguments; empty: none was given. */
  readonly target: readonly string[];
  readonly auth?:
    | { readonly type: 'bearer' }
    | { readonly type: 'basic'; readonly username: string }
    | { readonly type: 'header'; readonly header: string }
    | { readonly type: 'none' };
  readonly env?: readonly string[];
  readonly allowPrivate?: boolean;
  readonly rate?: string;
  readonly concurrency?: number;
}

/** Declares connectors, keeps their secrets, and looks whether they can be used. */
export interface Connecting {
  /** Works out what a wish takes; writes nothing. @throws SluiceError */
  plan(wish: ConnectorWish): Promise<ConnectorPlan>;
  /** One look at the target of a declared connector. */
  probe(name: string): Promise<Probe>;
  readonly secretsFile: string;
}

export interface ConnectorPlan {
  readonly asks: readonly { readonly variable: string; readonly what: string; readonly isSet: boolean }[];
  /** Values by variable; one that is empty keeps what is set. @throws SluiceError */
  save(values: ReadonlyMap<string, string>): Promise<SavedConnector>;
}

export interface SavedConnector {
  readonly type: string;
  readonly file: string;
  readonly wasDeclared: boolean;
  /** Keys of a connector that was there and is another one now; null: taken out. */
  readonly changed: Readonly<Record<string, unknown>>;
  /** Variables that were written. */
  readonly variables: readonly string[];
  /** Of these, the ones that the environment sets to something else, which goes first. */
  readonly shadowed: readonly string[];
}

export interface Probe {
  readonly state: 'answered' | 'refused' | 'unreachable' | 'not_ready';
  readonly text: string;
  /** What the target said. */
  readonly untrusted?: string;
  /** Names of an MCP server's tools. */
  readonly tools?: readonly string[];
}

const authOptions = ['bearer', 'basic', 'header'];
const words = (text: string) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

export const connect: Command = {
  name: 'connect',
  summary: 'declare a system that flows may call, and give it its secret',
  group: groups.flows,
  args: '<name> [target...]',
  options: () => [
    new Option('--bearer', 'it wants a bearer token').conflicts(['basic', 'header']),
    new Option('--basic <user>', 'it wants this user and a password').conflicts(['bearer', 'header']),
    new Option('--header <name>', 'it wants a secret in this header').conflicts(['bearer', 'basic']),
    new Option('--no-auth', 'it wants no credentials').conflicts(authOptions),
    new Option('--sql', 'it is a Postgres database; its URL is asked for').conflicts(['mcp', ...authOptions]),
    new Option('--mcp', 'it is an MCP server: a URL, or a program after --').conflicts(['sql']),
    new Option('--env <names>', 'variables that the program of an MCP server is given').argParser(words),
    new Option('--allow-private', 'its address may be a private one, such as 127.0.0.1'),
    new Option('--rate <calls>', 'at most so many calls, such as 10/s or 600/min'),
    new Option('--concurrency <n>', 'at most so many calls at once').argParser(count),
  ],
  examples: [
    'sluice connect crm https://crm.example.com --bearer',
    'sluice connect crm                                     asks for its secret again',
    'sluice connect shop --sql',
    'sluice connect tools --mcp --env API_KEY -- npx -y some-mcp-server',
    'pass show crm | sluice connect crm https://crm.example.com --bearer',
  ],
  async run(host, given) {
    const wish = wishOf(given);
    const plan = await host.connecting.plan(wish);
    const saved = await plan.save(await valuesFor(host, plan));
    const probe = await host.connecting.probe(wish.name);
    return answer(host, wish.name, saved, probe);
  },
};

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

function wishOf({ args: [name = '', ...target], options }: Given): ConnectorWish {
  const auth = authOf(options);
  const type = options.sql === true ? 'sql' : options.mcp === true ? 'mcp' : undefined;
  return {
    name,
    target: target.filter((word) => word !== undefined),
    ...(type === undefined ? {} : { type }),
    ...(auth === undefined ? {} : { auth }),
    ...(options.env === undefined ? {} : { env: options.env as string[] }),
    ...(options.allowPrivate === true ? { allowPrivate: true } : {}),
    ...(options.rate === undefined ? {} : { rate: String(options.rate) }),
    ...(options.concurrency === undefined ? {} : { concurrency: Number(options.concurrency) }),
  };
}

function authOf({ bearer, basic, header, auth }: Given['options']): ConnectorWish['auth'] {
  if (bearer === true) return { type: 'bearer' };
  if (basic !== undefined) return { type: 'basic', username: String(basic) };
  if (header !== undefined) return { type: 'header', header: String(header) };
  return auth === false ? { type: 'none' } : undefined;
}

async function valuesFor({ terminal }: Host, { asks }: ConnectorPlan): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  if (asks.length === 0) return values;
  const questions = openQuestions(terminal);
  try {
    for (const { variable, what, isSet } of asks) {
      const hint = isSet ? ', Enter keeps what is set' : '';
      const prompt = terminal.canAsk ? `${what} (${variable}${hint}; not shown): ` : '';
      // Without this line a pipe that nobody closes looks like a command that hangs.
      if (!terminal.canAsk && terminal.hasPipedInput) {
        terminal.err.write(`Reading the ${what} (${variable}) from standard input.\n`);
      }
      values.set(variable, (await questions.secret(prompt)).trim());
    }
    return values;
  } finally {
    questions.close();
  }
}

function whatWasDone(name: string, { type, file, wasDeclared, changed }: SavedConnector): string {
  const keys = Object.entries(changed).map(([key, value]) => visible(settingOf(key, value)));
  if (keys.length > 0) return `Changed ${name} (${type}) in ${file}: ${keys.join(', ')}.`;
  return `${wasDeclared ? 'Kept' : 'Declared'} ${name} (${type}) in ${file}.`;
}

/** What has parts is named only. */
function settingOf(key: string, value: unknown): string {
  if (value === null) return `no ${key}`;
  return typeof value === 'object' ? key : `${key}: ${value}`;
}

function answer(host: Host, name: string, saved: SavedConnector, probe: Probe): Answer {
  const { type, file, wasDeclared, changed, variables, shadowed } = saved;
  const { secretsFile } = host.connecting;
  const { state, text, untrusted, tools } = probe;
  const kept = variables.length === 1 ? 'is' : 'are';
  return {
    json: {
      name,
      type,
      file,
      declared: wasDeclared ? 'before' : 'now',
      ...(wasDeclared ? { changed: Object.keys(changed) } : {}),
      ...(variables.length === 0 ? {} : { secrets_file: secretsFile, variables }),
      ...(shadowed.length === 0 ? {} : { shadowed }),
      ready: state === 'answered',
      probe: {
        state,
        text,
        ...(untrusted === undefined ? {} : { untrusted_message: untrusted }),
        ...(tools === undefined ? {} : { tools }),
      },
    },
    text: [
      whatWasDone(name, saved),
      ...(variables.length === 0
        ? []
        : [`${variables.join(' and ')} ${kept} in ${secretsFile}, which only you can read.`]),
      ...shadowed.map(
        (variable) => `The environment sets ${variable} to something else, and goes first; unset it there.`,
      ),
      visible(text),
      ...(text.includes('allow_private: true') ? [`Type: sluice connect ${name} --allow-private`] : []),
      ...(untrusted === undefined ? [] : [`  said: "${visible(untrusted)}"`]),
      ...(tools ?? []).map((tool) => `  ${visible(tool)}`),
    ],
  };
}
