import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallLimits } from './call-limits.ts';
import type { RegistryOptions } from './open-registry.ts';
import type { ConnectorRegistry } from './registry.ts';

/** The registry of a process. */
export interface SharedRegistry {
  (): Promise<ConnectorRegistry>;
  /** Closes every registry that was opened: programs and servers that were started end with it. */
  close(): Promise<void>;
}

/**
 * Opens the registry once for a process, so that all jobs share each connector's connections and
 * limits, and anew when `connectors.yaml` or the secrets change. A registry that was replaced serves
 * the jobs that hold it; its idle connections close by themselves.
 */
export function shareRegistry(options: RegistryOptions): SharedRegistry {
  const limits = new Map<string, CallLimits>();
  const opened = new Set<Promise<ConnectorRegistry>>();
  let shared: { readonly state: string; readonly registry: Promise<ConnectorRegistry> } | undefined;
  const current = async () => {
    const state = await stateOf([join(options.folder, 'connectors.yaml'), options.secretsFile]);
    if (shared?.state !== state) {
      shared = { state, registry: opening({ ...options, limits }) };
      opened.add(shared.registry);
    }
    return shared.registry;
  };
  const close = async () => {
    shared = undefined;
    const registries = await Promise.all(opened);
    opened.clear();
    await Promise.all(registries.map((registry) => registry.close()));
  };
  return Object.assign(current, { close });
}

/** Loaded when a flow needs its connectors: no question about jobs does. */
async function opening(options: RegistryOptions): Promise<ConnectorRegistry> {
  const { openRegistry } = await import('./open-registry.ts');
  return openRegistry(options);
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
