import type { CallLimits } from './call-limits.ts';
import type { Means } from './connector-obstacle.ts';
import type { ConnectorSettings, WebhookSettings } from './connectors-file.ts';
import { type Credentials, credentialsOf } from './credentials.ts';
import type { McpSettings } from './mcp-settings.ts';
import { Secret } from './secret.ts';

/** What all connectors of a registry have in common. */
export interface Surroundings {
  readonly means: Means;
  /** Of Sluice. */
  readonly version: string | undefined;
}

/** Opens a database. Like all of these it loads the client first, which most processes never need. */
export async function openSql(
  settings: Extract<ConnectorSettings, { type: 'sql' }>,
  { means }: Surroundings,
  limits: CallLimits,
) {
  const { openSqlConnector } = await import('./sql-connector.ts');
  const url = new Secret(means.secretOf(settings.urlEnv) ?? '');
  const { tracedSql } = await import('./traced-connectors.ts');
  return tracedSql(openSqlConnector({ settings, url, allowPrivateHosts: means.allowPrivateHosts, limits }));
}

export async function openMcp(settings: McpSettings, { means, version }: Surroundings, limits: CallLimits) {
  const { openMcpConnector } = await import('./mcp-connector.ts');
  const { tracedMcp } = await import('./traced-connectors.ts');
  const opened = openMcpConnector({
    settings,
    variable: (name) => secretIn(means, name),
    allowPrivateHosts: means.allowPrivateHosts,
    clientVersion: version ?? '0',
    limits,
    ...credentialsIn(means, settings),
  });
  return tracedMcp(opened);
}

export async function openWebhook(settings: WebhookSettings, { means, version }: Surroundings) {
  const { openWebhookConnector } = await import('./webhook-connector.ts');
  return openWebhookConnector({
    settings,
    secret: settings.secretEnv === undefined ? undefined : secretIn(means, settings.secretEnv),
    userAgent: userAgentOf(version),
    allowPrivateHosts: means.allowPrivateHosts,
  });
}

/** The value of a variable; undefined: it is not set. */
export function secretIn({ secretOf }: Means, name: string): Secret | undefined {
  const value = secretOf(name);
  return value === undefined ? undefined : new Secret(value);
}

export function credentialsIn(
  { secretOf }: Means,
  settings: Extract<ConnectorSettings, { type: 'http' | 'mcp' }>,
): { credentials?: Credentials } {
  if (!('auth' in settings) || settings.auth === undefined) return {};
  return { credentials: credentialsOf(settings.auth, secretOf) };
}

export function userAgentOf(version: string | undefined): string {
  return version === undefined ? 'sluice' : `sluice/${version}`;
}
