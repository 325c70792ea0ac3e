import { RecordFailure } from '../domain/failure.ts';
import { McpHttp } from './mcp-http.ts';
import type { McpTransport } from './mcp-messages.ts';
import { McpProcess } from './mcp-process.ts';
import type { McpConnectorOptions } from './mcp-settings.ts';
import { type Secret, scrubber } from './secret.ts';

/** A declared server, ready to be connected to. */
export interface Server {
  /** A new way to it, not yet in use. */
  readonly connect: () => McpTransport;
  /** Masks the secrets it is given in a text. */
  readonly scrub: (text: string) => string;
}

export function serverOf({
  settings,
  credentials,
  variable,
  allowPrivateHosts,
}: McpConnectorOptions): Server {
  if ('url' in settings) {
    const allowPrivate = settings.allowPrivate || allowPrivateHosts;
    return {
      connect: () => new McpHttp(settings, credentials, allowPrivate),
      scrub: scrubber(credentials?.secrets ?? []),
    };
  }
  const given = Object.entries(settings.env).map(([name, source]) => ({
    name,
    source,
    value: variable(source),
  }));
  return {
    connect: () => new McpProcess({ ...settings, cwd: settings.cwd, env: environmentOf(settings, given) }),
    scrub: scrubber(given.flatMap(({ value }) => (value === undefined ? [] : [value]))),
  };
}

interface GivenVariable {
  /** What the server calls it. */
  readonly name: string;
  /** What we call it. */
  readonly source: string;
  readonly value: Secret | undefined;
}

/** What a program needs to find its way around; nothing of it is Sluice's own. */
const inherited = ['PATH', 'HOME', 'LANG'];
const inheritedOnWindows = ['SystemRoot', 'TEMP', 'TMP', 'APPDATA', 'LOCALAPPDATA', 'USERPROFILE'];
/** Whoever reads them owns all jobs. */
const ownVariable = /^(DATABASE_URL|SLUICE_.*)$/;

/** @throws RecordFailure for a variable that cannot be given. */
function environmentOf(
  { name: connector }: { name: string },
  given: readonly GivenVariable[],
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of process.platform === 'win32' ? [...inherited, ...inheritedOnWindows] : inherited) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  for (const { name, source, value } of given) {
    if (ownVariable.test(source)) {
      const message = `${connector} is to be given ${source}, which Sluice keeps to itself; use a variable of its own`;
      throw new RecordFailure({ class: 'data', code: 'variable_not_allowed', message });
    }
    if (value === undefined) {
      const message = `${connector} needs ${source}, which is not set`;
      throw new RecordFailure({ class: 'auth', code: 'variable_not_set', message });
    }
    env[name] = value.reveal();
  }
  return env;
}
