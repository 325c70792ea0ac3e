import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openRegistry, type RegistryOptions } from '../../src/connectors/open-registry.ts';
import { startTarget, type TargetOptions } from '../support/target.ts';

/** A value that must never show itself. */
export const canary = 'S3CR3T/canary+value';

/** A registry over a folder of the test; `connectors` is the text of its connectors.yaml. */
export async function setup(
  connectors: string | undefined,
  options: Partial<RegistryOptions> & { secrets?: string } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-connectors-'));
  const secretsFile = join(folder, 'secrets.env');
  if (connectors !== undefined) await writeFile(join(folder, 'connectors.yaml'), connectors);
  if (options.secrets !== undefined) await writeFile(secretsFile, options.secrets, { mode: 0o600 });
  const open = async () => {
    const registry = await openRegistry({
      folder,
      env: {},
      secretsFile,
      allowPrivateHosts: true,
      ...options,
    });
    onTestFinished(() => registry.close());
    return registry;
  };
  onTestFinished(() => rm(folder, { recursive: true }));
  return { folder, secretsFile, open, registry: await open() };
}

/** An HTTP connector that needs CRM_TOKEN. */
export const bearer = (url: string) =>
  `crm:\n  type: http\n  base_url: ${url}\n  auth: { type: bearer, token_env: CRM_TOKEN }\n`;

/** A server for connectors to call. */
export async function target(answer?: TargetOptions['answer']) {
  const started = await startTarget(answer === undefined ? {} : { answer });
  onTestFinished(() => started.close());
  return started;
}
