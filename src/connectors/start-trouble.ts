import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { codeOf } from './connection-trouble.ts';

/**
 * The system's code for a program that could not be started. Where PATH has a folder that this user may not
 * enter, the system says EACCES of every program that it does not find; that is ENOENT here.
 */
export function startCodeOf(error: unknown): string {
  const code = codeOf(error);
  const program = error instanceof Error && 'path' in error ? String(error.path) : '';
  if (code !== 'EACCES' || program === '' || program.includes('/')) return code;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program))) ? code : 'ENOENT';
}
