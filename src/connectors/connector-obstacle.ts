import type { ConnectorSettings, SqlSettings, WebhookSettings } from './connectors-file.ts';
import { type AuthSettings, credentialsObstacle, type SecretSource, unsetVariables } from './credentials.ts';
import type { McpSettings } from './mcp-settings.ts';
import { isPrivateHost } from './private-address.ts';
import { isPrivatePlace, sqlAddressOf } from './sql-address.ts';
import { signingKeyProblem } from './webhook-secret.ts';

/** What this process has, to use connectors with. */
export interface Means {
  readonly secretOf: SecretSource;
  /** Why `secrets.env` is not used, when it is there. */
  readonly secretsProblem: string | undefined;
  readonly allowPrivateHosts: boolean;
}

/** Why a declared connector cannot be used in this process, or undefined. */
export function connectorObstacle(settings: ConnectorSettings, means: Means): string | undefined {
  switch (settings.type) {
    case 'http':
      return hostObstacle(settings, settings.origin, means) ?? authObstacle(settings, means);
    case 'sql':
      return sqlObstacle(settings, means);
    case 'mcp':
      return mcpObstacle(settings, means);
    case 'webhook':
      return webhookObstacle(settings, means);
  }
}

/** Where a connector leads, in a word; a database whose URL is not known by the name of its variable. */
export function targetOf(settings: ConnectorSettings, { secretOf }: Means): string {
  switch (settings.type) {
    case 'http':
      return new URL(settings.origin).host;
    case 'sql': {
      const address = sqlAddressOf(secretOf(settings.urlEnv) ?? '');
      return 'problem' in address ? settings.urlEnv : address.host;
    }
    case 'mcp':
      return 'url' in settings ? new URL(settings.url).host : settings.command;
    case 'webhook':
      return new URL(settings.url).host;
  }
}

function sqlObstacle(settings: SqlSettings, means: Means): string | undefined {
  const { name, urlEnv, allowPrivate } = settings;
  const unset = unsetVariables([urlEnv], means.secretOf);
  if (unset !== undefined) return missing(name, unset, means);

  const address = sqlAddressOf(means.secretOf(urlEnv) ?? '');
  if ('problem' in address) return `The connector ${name} cannot use ${urlEnv}: it ${address.problem}.`;
  if (allowPrivate || means.allowPrivateHosts || !isPrivatePlace(address)) return undefined;
  return privateHost(name);
}

function mcpObstacle(settings: McpSettings, means: Means): string | undefined {
  if ('url' in settings) return hostObstacle(settings, settings.url, means) ?? authObstacle(settings, means);
  const unset = unsetVariables(Object.values(settings.env), means.secretOf);
  return unset === undefined ? undefined : missing(settings.name, unset, means);
}

function webhookObstacle(settings: WebhookSettings, means: Means): string | undefined {
  const { name, url, secretEnv } = settings;
  const host = hostObstacle(settings, url, means);
  if (host !== undefined || secretEnv === undefined) return host;
  const unset = unsetVariables([secretEnv], means.secretOf);
  if (unset !== undefined) return missing(name, unset, means);
  const problem = signingKeyProblem(means.secretOf(secretEnv) ?? '');
  return problem && `The connector ${name} cannot sign with ${secretEnv}: it ${problem}.`;
}

function hostObstacle(
  { name, allowPrivate }: { readonly name: string; readonly allowPrivate: boolean },
  url: string,
  { allowPrivateHosts }: Means,
): string | undefined {
  if (allowPrivate || allowPrivateHosts || !isPrivateHost(new URL(url).hostname)) return undefined;
  return privateHost(name);
}

function privateHost(name: string): string {
  return `The connector ${name} leads to an address that is not public. If that is meant, set allow_private: true in connectors.yaml.`;
}

function authObstacle(
  { name, auth }: { readonly name: string; readonly auth?: AuthSettings },
  means: Means,
): string | undefined {
  const obstacle = auth === undefined ? undefined : credentialsObstacle(auth, means.secretOf);
  return obstacle === undefined ? undefined : missing(name, obstacle, means);
}

function missing(name: string, clause: string, { secretsProblem }: Means): string {
  const advice = secretsProblem ?? 'Set it in the environment or in secrets.env.';
  return `The connector ${name} ${clause}. ${advice}`;
}
