import type { Chain } from './chain.ts';
import { ChainBuilder } from './chain-builder.ts';
import type { FlowBuilder } from './flow-builder.ts';
import {
  type CheckedSettings,
  checkSettings,
  type FlowSettings,
  type InputOf,
  type InputSchema,
} from './flow-settings.ts';

/** Where the loader finds what was defined; the same in every copy of this package in a process. */
const definition = Symbol.for('sluice.flow');

export interface FlowDefinition {
  readonly settings: CheckedSettings;
  readonly chain: Chain;
}

class FlowUnderConstruction extends ChainBuilder {
  readonly #settings: CheckedSettings;

  constructor(settings: CheckedSettings) {
    super();
    this.#settings = settings;
  }

  [definition](): FlowDefinition {
    return { settings: this.#settings, chain: this.finish() };
  }
}

/**
 * Begins a flow that is written in code: the default export of a module in the flows folder.
 *
 * @throws SluiceError `flow_invalid` with everything that is wrong with the settings.
 */
export function defineFlow<Schema extends InputSchema = never>(
  settings: FlowSettings<Schema> & { readonly size: number },
): FlowBuilder<Payload<Schema>[], object, null>;
export function defineFlow<Schema extends InputSchema = never>(
  settings: FlowSettings<Schema>,
): FlowBuilder<Payload<Schema>, object, null>;
export function defineFlow(settings: unknown): unknown {
  return new FlowUnderConstruction(checkSettings(settings));
}

/** Without a schema nothing is known of a payload. */
type Payload<Schema> = [Schema] extends [never] ? InputOf<unknown> : InputOf<Schema>;

/** What `defineFlow` has made, or undefined for anything else. */
export function definitionOf(value: unknown): FlowDefinition | undefined {
  if (typeof value !== 'object' || value === null || !(definition in value)) return undefined;
  const read = value[definition];
  return typeof read === 'function' ? (read.call(value) as FlowDefinition) : undefined;
}
