import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openRegistry, type RegistryOptions } from './open-registry.ts';
import type { ConnectorRegistry } from './registry.ts';

/**
 * Opens the registry once for a process, so that all jobs share each connector's connections and
 * limits, and anew when `connectors.yaml` or the secrets change. A registry that was replaced serves
 * the jobs that hold it; its idle connections close by themselves.
 */
export function shareRegistry(options: RegistryOptions): () => Promise<ConnectorRegistry> {
  let shared: { readonly state: string; readonly registry: Promise<ConnectorRegistry> } | undefined;
  return async () => {
    const state = await stateOf([join(options.folder, 'connectors.yaml'), options.secretsFile]);
    if (shared?.state !== state) shared = { state, registry: openRegistry(options) };
    return shared.registry;
  };
}

async function stateOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ mtimeMs, size, ino }) => `${mtimeMs}:${size}:${ino}`,
        () => 'missing',
      ),
    ),
  );
  return states.join('|');
}
