import type { CircuitSettings } from '../connectors/circuit.ts';
import { type Failure, normaliseMessage } from '../domain/failure.ts';
import type { Settlement } from '../domain/record.ts';
import type { Trouble } from '../store/self-pause.ts';

/** Trouble of a connector, as far as it can keep a job from going on. */
interface Sign {
  readonly connector: string;
  readonly failure: Failure;
  readonly settings: CircuitSettings;
  /** So many in a row that read the same are enough. */
  readonly enough: number;
  /** The same for failures that read the same. */
  readonly key: string;
}

/**
 * Watches what the attempts of a lane come to, in the order they are settled: when a connector gives the same
 * trouble again and again, there is no use in going on.
 */
export class Circuit {
  readonly #settingsOf: (connector: string) => CircuitSettings | undefined;
  #last: Sign | undefined;
  #count = 0;

  constructor(settingsOf: (connector: string) => CircuitSettings | undefined) {
    this.#settingsOf = settingsOf;
  }

  /** The trouble there has been enough of; it stays until the circuit is cleared. */
  get trouble(): Trouble | undefined {
    const last = this.#last;
    if (last === undefined || this.#count < last.enough) return undefined;
    return {
      message: toManyCalls(last, this.#count),
      probeInMs: waitAfter(last, last.settings.firstProbeMs),
    };
  }

  /** With `running` attempts under way, may another begin? In bad times no more do than could be enough. */
  allows(running: number): boolean {
    return this.#last === undefined || this.#count + running < this.#last.enough;
  }

  note(settlement: Settlement): void {
    if ('uncounted' in settlement || this.trouble !== undefined) return;
    const sign = 'failure' in settlement ? this.#signOf(settlement.failure) : undefined;
    // The records of a chunk share the failure of its one run.
    if (sign !== undefined && sign.failure === this.#last?.failure) return;
    this.#count = sign !== undefined && sign.key === this.#last?.key ? this.#count + 1 : 1;
    this.#last = sign;
  }

  /** What an attempt that was to find out says of the trouble; undefined: that it is over. */
  troubleOf(failure: Failure, probes: number): Trouble | undefined {
    const sign = this.#signOf(failure);
    if (sign === undefined) return undefined;
    const { firstProbeMs, longestProbeMs } = sign.settings;
    const wait = Math.min(firstProbeMs * 2 ** Math.min(probes, 30), longestProbeMs);
    return { message: toProbes(sign, probes), probeInMs: waitAfter(sign, wait) };
  }

  clear(): void {
    this.#last = undefined;
    this.#count = 0;
  }

  #signOf(failure: Failure): Sign | undefined {
    const { connector, class: errorClass, code, message } = failure;
    const settings = connector === undefined ? undefined : this.#settingsOf(connector);
    if (connector === undefined || settings === undefined) return undefined;
    const of = { connector, failure, settings };
    if (errorClass === 'auth') {
      return { ...of, enough: settings.authFailures, key: JSON.stringify([connector, errorClass]) };
    }
    if (errorClass !== 'transient' && errorClass !== 'interrupted') return undefined;
    const key = JSON.stringify([connector, errorClass, code, normaliseMessage(message)]);
    return { ...of, enough: settings.failures, key };
  }
}

/** A target that says when it can be asked again is not asked before. */
const waitAfter = ({ failure }: Sign, ms: number) => Math.max(ms, failure.retryAfterMs ?? 0);

/** The status of an HTTP answer, out of a code such as `http_503`. */
const answerOf = ({ code }: Failure) => /^http_(\d{3})$/.exec(code)?.[1];

function toManyCalls({ connector, failure }: Sign, count: number): string {
  const answer = answerOf(failure);
  const calls = count === 1 ? 'the last call' : `the last ${count} calls`;
  if (answer !== undefined) return `${connector} answered ${answer} to ${calls}.`;
  return `${connector} failed ${calls} alike: ${failure.message}.`;
}

function toProbes({ connector, failure }: Sign, probes: number): string {
  const answer = answerOf(failure);
  const tried = `tried ${probes === 1 ? 'once' : `${probes} times`} since the job paused`;
  if (answer !== undefined) return `${connector} still answers ${answer} (${tried}).`;
  return `${connector} still fails (${tried}): ${failure.message}.`;
}
