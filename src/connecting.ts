import type { Connecting } from './cli/connect.ts';
import type { Config } from './config.ts';
import { planConnector } from './connectors/connector-plan.ts';
import { probeConnector } from './connectors/probe-connector.ts';
import { version } from './version.ts';

/** What `sluice connect` works with: the connectors and secrets of this home. */
export function connectingOf(config: Config, env: NodeJS.ProcessEnv = process.env): Connecting {
  const options = {
    folder: config.flowsFolder,
    env,
    secretsFile: config.secretsFile,
    allowPrivateHosts: config.allowPrivateHosts,
    version,
  };
  return {
    plan: (wish) => planConnector(options, wish),
    probe: (name) => probeConnector(options, name, new AbortController().signal),
    secretsFile: config.secretsFile,
  };
}
