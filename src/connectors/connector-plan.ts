import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { type ConnectorKeys, declaredKeys, type EditedConnectors, editConnectors } from './connector-edit.ts';
import type { ConnectorSettings } from './connectors-file.ts';
import { variablesOf } from './credentials.ts';
import { readConnectors } from './declared-connectors.ts';
import { isHeaderValue } from './header-rules.ts';
import type { RegistryOptions } from './open-registry.ts';
import { Secret } from './secret.ts';
import { freeVariable } from './secret-names.ts';
import { keepSecrets } from './secrets-edit.ts';
import { readSecretsFile } from './secrets-file.ts';
import { sqlAddressOf } from './sql-address.ts';

/** What a person wants a connector to be. What is left out stays as it is. */
export interface ConnectorWish {
  readonly name: string;
  readonly type?: 'http' | 'sql' | 'mcp';
  /** A URL; or the program of an MCP server and its arguments; empty: none was given. */
  readonly target: readonly string[];
  readonly auth?:
    | { readonly type: 'bearer' }
    | { readonly type: 'basic'; readonly username: string }
    | { readonly type: 'header'; readonly header: string }
    | { readonly type: 'none' };
  /** Variables that a program is given. */
  readonly env?: readonly string[];
  readonly allowPrivate?: boolean;
  readonly rate?: string;
  readonly concurrency?: number;
}

/** A secret that has to be asked for. */
export interface AskedSecret {
  readonly variable: string;
  /** `token`, `password`, … */
  readonly what: string;
  /** There is one already, which an empty answer keeps. */
  readonly isSet: boolean;
}

export interface ConnectorPlan {
  readonly asks: readonly AskedSecret[];
  /**
   * Writes the secrets, then the connector. Values that are not there keep what is set.
   *
   * @throws SluiceError for a value that does not fit; nothing has been written then.
   */
  save(values: ReadonlyMap<string, string>): Promise<SavedConnector>;
}

export interface SavedConnector {
  readonly type: string;
  readonly file: string;
  readonly wasDeclared: boolean;
  /** Keys of a connector that was there and is another one now, as they are written; null: taken out. */
  readonly changed: ConnectorKeys;
  /** Variables that were written to `secrets.env`. */
  readonly variables: readonly string[];
  /** Of these, the ones that the environment sets as well, which goes first. */
  readonly shadowed: readonly string[];
}

/**
 * Works out how `connectors.yaml` would declare a connector and which secrets it needs. Writes nothing yet.
 *
 * @throws SluiceError `invalid_input` or `connector_invalid`
 */
export async function planConnector(options: RegistryOptions, wish: ConnectorWish): Promise<ConnectorPlan> {
  const before = await declaredKeys(options.folder, wish.name);
  const type = typeOf(wish, before);
  const taken = await takenVariables(options.folder, wish.name);
  const keys = keysFor[type](wish, before, taken);
  const edited = await editConnectors(options.folder, wish.name, keys);
  const asks = await asksFor(options, wish, edited.settings);
  const changed = before === undefined ? {} : changedKeys(keys, before);
  return { asks, save: async (values) => ({ ...(await save(options, edited, asks, values)), changed }) };
}

const changedKeys = (keys: ConnectorKeys, before: ConnectorKeys): ConnectorKeys =>
  Object.fromEntries(
    Object.entries(keys).filter(([key, value]) => !isDeepStrictEqual(value, before[key] ?? null)),
  );

type WishedType = NonNullable<ConnectorWish['type']>;

function typeOf({ name, type, target }: ConnectorWish, before: ConnectorKeys | undefined): WishedType {
  if (before === undefined) {
    if (target.length > 0 || type === 'sql') return type ?? 'http';
    const advice = type === 'mcp' ? '--mcp -- COMMAND' : 'https://HOST --bearer';
    throw refused(`No connector is named ${name}. Declare it: sluice connect ${name} ${advice}.`);
  }
  const declared = String(before.type);
  if (type !== undefined && type !== declared) {
    throw refused(`The connector ${name} has the type ${declared}. Choose another name for this one.`);
  }
  if (declared === 'webhook') throw refused(`The connector ${name} is a webhook; change it by hand.`);
  return declared as WishedType;
}

type KeysFor = (
  wish: ConnectorWish,
  before: ConnectorKeys | undefined,
  taken: ReadonlySet<string>,
) => ConnectorKeys;

const keysFor: Readonly<Record<WishedType, KeysFor>> = {
  http(wish, before, taken) {
    const { name, target, auth } = wish;
    if (target.length > 1) throw refused('Give one URL.');
    if (wish.env !== undefined) throw refused('--env is for MCP servers that are programs.');
    if (before === undefined && auth === undefined) {
      throw refused(`Say how ${name} knows Sluice: --bearer, --basic USER, --header NAME or --no-auth.`);
    }
    return {
      ...(before === undefined ? { type: 'http' } : {}),
      ...(target[0] === undefined ? {} : { base_url: target[0] }),
      ...authKeys(wish, before, taken),
      ...limitKeys(wish),
    };
  },
  sql(wish, before, taken) {
    const { name, target, auth, env, rate } = wish;
    if (target.length > 0) {
      throw refused('The URL of a database holds a password, so it is asked for. Leave it out.');
    }
    if (auth !== undefined || env !== undefined || rate !== undefined) {
      throw refused('A database takes only --concurrency and --allow-private.');
    }
    const isNew = before === undefined;
    return {
      ...(isNew ? { type: 'sql', url_env: freeVariable(name, 'URL', taken) } : {}),
      ...limitKeys(wish),
    };
  },
  mcp(wish, before, taken) {
    const [first, ...rest] = wish.target;
    const isUrl = first === undefined ? before?.url !== undefined : /^https?:\/\//i.test(first);
    if (isUrl && rest.length > 0) throw refused('Give one URL, or a command.');
    if (isUrl && wish.env !== undefined) throw refused('--env is for MCP servers that are programs.');
    if (!isUrl && (wish.auth !== undefined || wish.allowPrivate !== undefined)) {
      throw refused('A program needs no --bearer, --basic, --header or --allow-private; give it --env.');
    }
    return {
      ...(before === undefined ? { type: 'mcp' } : {}),
      ...(first === undefined
        ? {}
        : isUrl
          ? { ...noProgram, url: first }
          : { ...noUrl, command: first, args: rest }),
      ...(wish.env === undefined ? {} : { env: [...wish.env] }),
      ...(isUrl ? authKeys(wish, before, taken) : {}),
      ...limitKeys(wish),
    };
  },
};

const noProgram = { command: null, args: null, env: null, cwd: null };
const noUrl = { url: null, auth: null, headers: null, allow_private: null };

function authKeys(
  { name, auth }: ConnectorWish,
  before: ConnectorKeys | undefined,
  taken: ReadonlySet<string>,
): { auth?: JsonValue } {
  if (auth === undefined) return {};
  // The variable that was named before goes on being used.
  const known = before?.auth as Readonly<Record<string, JsonValue>> | undefined;
  const variable = (key: string, suffix: string) =>
    known?.type === auth.type && typeof known[key] === 'string'
      ? known[key]
      : freeVariable(name, suffix, taken);
  switch (auth.type) {
    case 'none':
      return { auth: null };
    case 'bearer':
      return { auth: { type: 'bearer', token_env: variable('token_env', 'TOKEN') } };
    case 'basic': {
      const password_env = variable('password_env', 'PASSWORD');
      return { auth: { type: 'basic', username: auth.username, password_env } };
    }
    case 'header': {
      const value_env = variable('value_env', 'TOKEN');
      return { auth: { type: 'header', header: auth.header, value_env } };
    }
  }
}

function limitKeys({ allowPrivate, rate, concurrency }: ConnectorWish): ConnectorKeys {
  return {
    ...(rate === undefined ? {} : { rate }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(allowPrivate === undefined ? {} : { allow_private: allowPrivate }),
  };
}

/** Variables that other connectors read: two of them never share a secret by accident. */
async function takenVariables(folder: string, name: string): Promise<ReadonlySet<string>> {
  const { connectors } = await readConnectors(folder);
  const others = [...connectors.values()].filter((settings) => settings.name !== name);
  return new Set(others.flatMap((settings) => secretsOf(settings).map(({ variable }) => variable)));
}

interface NamedSecret {
  readonly variable: string;
  readonly what: string;
}

/** The variables a connector reads. */
function secretsOf(settings: ConnectorSettings): NamedSecret[] {
  switch (settings.type) {
    case 'sql':
      return [{ variable: settings.urlEnv, what: 'database URL (postgres://…)' }];
    case 'webhook':
      return settings.secretEnv === undefined ? [] : [{ variable: settings.secretEnv, what: 'secret' }];
    case 'mcp':
      if ('command' in settings) {
        return Object.values(settings.env).map((variable) => ({ variable, what: 'value' }));
      }
      break;
    case 'http':
  }
  const { auth } = settings;
  if (auth === undefined) return [];
  const what = { bearer: 'token', basic: 'password', header: 'value of the header' }[auth.type];
  return variablesOf(auth).map((variable) => ({ variable, what }));
}

async function asksFor(
  { env, secretsFile }: RegistryOptions,
  wish: ConnectorWish,
  settings: ConnectorSettings,
): Promise<AskedSecret[]> {
  const { values } = await readSecretsFile(secretsFile);
  const all = secretsOf(settings).map((secret) => ({
    ...secret,
    isSet: Boolean(env[secret.variable]) || values.has(secret.variable),
  }));
  const unset = all.filter(({ isSet }) => !isSet);
  const namesSecrets = wish.auth !== undefined || wish.env !== undefined || wish.type === 'sql';
  return namesSecrets || (unset.length === 0 && isBare(wish)) ? all : unset;
}

/** Nothing but the name was given. */
function isBare({ name: _, type: __, target, ...rest }: ConnectorWish): boolean {
  return target.length === 0 && Object.values(rest).every((value) => value === undefined);
}

async function save(
  { env, secretsFile }: RegistryOptions,
  edited: EditedConnectors,
  asks: readonly AskedSecret[],
  values: ReadonlyMap<string, string>,
): Promise<Omit<SavedConnector, 'changed'>> {
  const given = new Map<string, Secret>();
  for (const { variable, what, isSet } of asks) {
    const value = values.get(variable) ?? '';
    if (value === '' && !isSet) throw refused(`No ${what} was given for ${variable}.`);
    if (value === '') continue;
    checkValue(edited.settings, variable, value);
    given.set(variable, new Secret(value));
  }
  if (given.size > 0) await keepSecrets(secretsFile, given);
  await edited.write();
  const variables = [...given.keys()];
  const { type } = edited.settings;
  const shadowed = variables.filter((name) => env[name] && env[name] !== given.get(name)?.reveal());
  return { type, file: edited.file, wasDeclared: edited.wasDeclared, variables, shadowed };
}

function checkValue(settings: ConnectorSettings, variable: string, value: string): void {
  if (settings.type === 'sql') {
    const address = sqlAddressOf(value);
    if ('problem' in address) throw refused(`What was given for ${variable} ${address.problem}.`);
  } else if (!('command' in settings) && !isHeaderValue(value)) {
    throw refused(`What was given for ${variable} is not one line of Latin-1 characters.`);
  }
}

function refused(message: string): SluiceError {
  return new SluiceError('invalid_input', `${message} Nothing was changed.`);
}
