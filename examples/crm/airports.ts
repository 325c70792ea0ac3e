import { refusalOf } from './rules.ts';
import { type Trouble, troubleOf } from './troubles.ts';

export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The airports of the CRM, and what it takes to get one in. */
export class Airports {
  /** The body each airport was created from, by code. An airport is never created twice. */
  readonly created = new Map<string, object>();
  /** Calls for an airport that was there already, under another key. */
  conflicts = 0;
  readonly #seed: number;
  readonly #firstAnswers = new Map<string, Answer>();
  readonly #recovered = new Set<string>();
  #inMaintenance = true;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Airports in maintenance are taken from here on. */
  endMaintenance(): void {
    this.#inMaintenance = false;
  }

  /** Creates an airport. A key that has succeeded gets its first answer again, and nothing is done twice. */
  create(body: unknown, key: string | undefined): Answer {
    const before = key === undefined ? undefined : this.#firstAnswers.get(key);
    if (before !== undefined) return before;

    if (!isObject(body)) return { status: 400, body: { message: 'the body must be a JSON object' } };
    const refusal = refusalOf(body);
    if (refusal !== undefined) return { status: 422, body: refusal };

    const code = String(body.code);
    return this.#trouble(code) ?? this.#add(code, body, key);
  }

  /** Takes an airport out again, by the id it was given. */
  remove(id: string): Answer {
    const code = id.replace(/^airport-/, '');
    if (!this.created.has(code)) return { status: 404, body: { message: 'there is no such airport' } };
    const trouble = this.#trouble(`removal of ${code}`);
    if (trouble !== undefined) return trouble;
    this.created.delete(code);
    return { status: 200, body: { id } };
  }

  #add(code: string, body: object, key: string | undefined): Answer {
    if (this.created.has(code)) {
      this.conflicts += 1;
      return { status: 409, body: { message: 'an airport with this code exists', field: 'code' } };
    }
    this.created.set(code, body);
    const answer = { status: 201, body: { id: `airport-${code}` } };
    if (key !== undefined) this.#firstAnswers.set(key, answer);
    return answer;
  }

  #trouble(code: string): Answer | undefined {
    const trouble = troubleOf(code, this.#seed);
    if (trouble === undefined) return undefined;
    if (trouble === 'maintenance') return this.#inMaintenance ? troubleAnswers.maintenance : undefined;
    if (this.#recovered.has(code)) return undefined;
    this.#recovered.add(code);
    return troubleAnswers[trouble];
  }
}

const troubleAnswers: Record<Trouble, Answer> = {
  crash: { status: 500, body: { message: 'internal error' } },
  throttle: { status: 429, body: { message: 'too many requests' }, headers: { 'retry-after': '1' } },
  maintenance: { status: 503, body: { message: 'this region is in maintenance' } },
};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
