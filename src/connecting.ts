import type { Connecting } from './cli/connect.ts';
import type { Config } from './config.ts';
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
    plan: async (wish) => (await import('./connectors/connector-plan.ts')).planConnector(options, wish),
    probe: async (name) => {
      const { probeConnector } = await import('./connectors/probe-connector.ts');
      return probeConnector(options, name, new AbortController().signal);
    },
    secretsFile: config.secretsFile,
  };
}
