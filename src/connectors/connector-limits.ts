import type { Throttle } from '../domain/throttle.ts';
import { CallLimits, type Share } from './call-limits.ts';
import type { ConnectorSettings } from './connectors-file.ts';
import type { UsedRate } from './rate-window.ts';

type LimitedSettings = Exclude<ConnectorSettings, { type: 'webhook' }>;

/** The limits of declared connectors, which go on counting in `open` when other declarations take their place. */
export class ConnectorLimits {
  readonly #declared = new Map<string, LimitedSettings>();
  readonly #open: Map<string, CallLimits>;

  constructor(declared: Iterable<ConnectorSettings>, open: Map<string, CallLimits>) {
    this.#open = open;
    for (const settings of declared) {
      if (settings.type === 'webhook') continue;
      this.#declared.set(settings.name, settings);
      open.get(settings.name)?.declare(settings);
    }
  }

  of(settings: LimitedSettings): CallLimits {
    const known = this.#open.get(settings.name);
    if (known !== undefined) return known;
    const limits = new CallLimits(settings);
    this.#open.set(settings.name, limits);
    return limits;
  }

  throttles(names: readonly string[]): Throttle[] {
    return names.flatMap((connector) => {
      const throttle = this.#open.get(connector)?.throttle;
      return throttle === undefined ? [] : [{ connector, ...throttle }];
    });
  }

  windowMs(name: string): number | undefined {
    const settings = this.#declared.get(name);
    if (settings === undefined) return undefined;
    if ('rate' in settings && settings.rate !== undefined) return settings.rate.windowMs;
    return settings.concurrency === undefined ? undefined : 0;
  }

  used(name: string): UsedRate | undefined {
    return this.#open.get(name)?.used;
  }

  remember(name: string, used: UsedRate): void {
    const settings = this.#declared.get(name);
    if (settings !== undefined) this.of(settings).remember(used);
  }

  setShare(name: string, share: Share): void {
    const settings = this.#declared.get(name);
    if (settings !== undefined) this.of(settings).share = share;
  }
}
