import { inspect } from 'node:util';

/** What a secret looks like wherever it would be shown. */
export const secretMask = '[secret]';
/** Shorter values would be found by chance in any text. */
const minScrubbed = 4;

/** A value that reveals itself only when asked: printing, logging or serialising it shows a mask. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return secretMask;
  }

  toJSON(): string {
    return secretMask;
  }

  [inspect.custom](): string {
    return secretMask;
  }
}

/** A function that masks the secrets wherever a text repeats them, as they are or encoded. */
export function scrubber(secrets: readonly Secret[]): (text: string) => string {
  const forms = secrets
    .flatMap((secret) => spellings(secret.reveal()))
    .filter(({ length }) => length >= minScrubbed);
  // The longest first, so that no part of a longer one stays behind.
  const wanted = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return (text) => wanted.reduce((scrubbed, form) => scrubbed.replaceAll(form, secretMask), text);
}

function spellings(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  return [value, json, encodeURIComponent(value), Buffer.from(value).toString('base64')];
}
