import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseEnv } from 'node:util';
import { SluiceError } from '../domain/sluice-error.ts';
import { behindLink, fileTrouble, replaceFile } from './replace-file.ts';
import type { Secret } from './secret.ts';

/**
 * Writes secrets into `secrets.env`, which only its owner may read from then on; all other lines stay.
 *
 * @throws SluiceError `invalid_input` for a value that the file cannot hold, `invalid_configuration` for a
 * file that cannot be read or written.
 */
export async function keepSecrets(path: string, secrets: ReadonlyMap<string, Secret>): Promise<void> {
  const file = await behindLink(path);
  const text = withSecrets(await textOf(file), secrets);
  try {
    // Others may have to pass through the home; what lies in it is closed by its own mode.
    await mkdir(dirname(file), { recursive: true, mode: 0o711 });
    await replaceFile(file, text, { fresh: 0o600, always: true });
  } catch (error) {
    throw unusable(`${path} cannot be written (${fileTrouble(error)}).`);
  }
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (fileTrouble(error) === 'ENOENT') return '';
    throw unusable(`${file} cannot be read (${fileTrouble(error)}).`);
  });
}

/** @throws SluiceError */
export function withSecrets(text: string, secrets: ReadonlyMap<string, Secret>): string {
  const changed = [...secrets].reduce((lines, [name, secret]) => withLine(lines, name, secret), text);
  const wanted = new Map(Object.entries(parseEnv(text)));
  for (const [name, secret] of secrets) wanted.set(name, secret.reveal());
  const found = Object.entries(parseEnv(changed));
  const isRight = found.length === wanted.size && found.every(([name, value]) => wanted.get(name) === value);
  if (isRight) return changed;
  const names = [...secrets.keys()].join(' and ');
  throw unusable(`secrets.env has lines that keep ${names} from being put in; set it there by hand.`);
}

function withLine(text: string, name: string, secret: Secret): string {
  const line = `${name}=${quoted(name, secret.reveal())}`;
  const known = new RegExp(
    String.raw`^[ \t]*(?:export[ \t]+)?${name}[ \t]*=[ \t]*(?:'[^']*'|"[^"]*"|\`[^\`]*\`|)[^\n]*`,
    'gm',
  );
  // A function, since a secret may hold `$&`.
  if (text.search(known) >= 0) return text.replace(known, () => line);
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
}

function quoted(name: string, value: string): string {
  if (/^[\w./+=:@%~-]+$/.test(value)) return value;
  const mark = ["'", '`'].find((candidate) => !value.includes(candidate));
  if (mark !== undefined && !/[\0\r]/.test(value)) return `${mark}${value}${mark}`;
  throw new SluiceError(
    'invalid_input',
    `The value for ${name} cannot be kept in secrets.env; set it in the environment. Nothing was changed.`,
  );
}

function unusable(message: string): SluiceError {
  return new SluiceError('invalid_configuration', `${message} Nothing was changed.`);
}
