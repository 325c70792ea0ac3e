import type { CircuitSettings } from '../connectors/circuit.ts';
import { type Failure, normaliseMessage } from '../domain/failure.ts';
import type { Settlement } from '../domain/record.ts';
import type { Trouble } from '../store/self-pause.ts';
import { credentialsAdvice } from './connect-command.ts';

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
 * trouble again and again, there is no use in going on. A record is not taken for a sign of it that failed before
 * or during an attempt that fared well: at the end of a job only such records may be left, waiting for their retries.
 */
export class Circuit {
  readonly #settingsOf: (connector: string) => CircuitSettings | undefined;
  #last: Sign | undefined;
  #count = 0;
  /** Records that wait for a retry and whose failures have been counted. */
  #counted = new Set<number>();
  /** Waiting records that failed while others fared well: that they fail again says nothing about their connector. */
  #doubtful = new Set<number>();
  /** Attempts under way, by their record, and in which place each of them began. */
  readonly #underWay = new Map<number, number>();
  #begun = 0;
  /** The last place of an attempt that met no trouble. */
  #lastWell = 0;

  constructor(settingsOf: (connector: string) => CircuitSettings | undefined) {
    this.#settingsOf = settingsOf;
  }

  /** The trouble there has been enough of; it stays until the circuit is cleared. */
  get trouble(): Trouble | undefined {
    const last = this.#last;
    if (last === undefined || this.#count < last.enough) return undefined;
    return {
      message: withRemedy(last, toManyCalls(last, this.#count)),
      probeInMs: waitAfter(last, last.settings.firstProbeMs),
    };
  }

  /** With `running` attempts under way, may another begin? In bad times no more do than could be enough. */
  allows(running: number): boolean {
    return this.#last === undefined || this.#count + running < this.#last.enough;
  }

  /** An attempt at this record begins. */
  began(index: number): void {
    this.#begun += 1;
    this.#underWay.set(index, this.#begun);
  }

  note(index: number, settlement: Settlement): void {
    const place = this.#underWay.get(index) ?? this.#begun;
    this.#underWay.delete(index);
    if ('uncounted' in settlement || this.trouble !== undefined) return;
    const sign = 'failure' in settlement ? this.#signOf(settlement.failure) : undefined;
    const isDoubtful = this.#doubtful.delete(index) || place < this.#lastWell;
    if (sign === undefined) this.#faredWell(place);
    else {
      if (!isDoubtful) this.#add(sign);
      // What does not come back would be remembered for nothing.
      if (settlement.status !== 'pending') this.#counted.delete(index);
      else (isDoubtful ? this.#doubtful : this.#counted).add(index);
    }
  }

  #faredWell(place: number): void {
    this.#lastWell = Math.max(this.#lastWell, place);
    // Nothing to forget, nearly always.
    if (this.#last === undefined && this.#counted.size === 0) return;
    for (const index of this.#counted) this.#doubtful.add(index);
    this.clear();
  }

  #add(sign: Sign): void {
    // The records of a chunk share the failure of its one run.
    if (sign.failure === this.#last?.failure) return;
    this.#count = sign.key === this.#last?.key ? this.#count + 1 : 1;
    this.#last = sign;
  }

  /** What an attempt that was to find out says of the trouble; undefined: that it is over. */
  troubleOf(failure: Failure, probes: number): Trouble | undefined {
    const sign = this.#signOf(failure);
    if (sign === undefined) return undefined;
    const { firstProbeMs, longestProbeMs } = sign.settings;
    const wait = Math.min(firstProbeMs * 2 ** Math.min(probes, 30), longestProbeMs);
    return { message: withRemedy(sign, toProbes(sign, probes)), probeInMs: waitAfter(sign, wait) };
  }

  clear(): void {
    this.#last = undefined;
    this.#count = 0;
    this.#counted.clear();
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

/** Refused credentials do not come back by themselves. */
function withRemedy({ connector, failure }: Sign, message: string): string {
  if (failure.class !== 'auth') return message;
  const advice = credentialsAdvice(connector);
  return `${message} A person has to correct its secret${advice === undefined ? '' : `: ${advice}`}.`;
}

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
