import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseEnv } from 'node:util';

/** What `secrets.env` holds, or why it is not used. */
export interface SecretsFile {
  readonly values: ReadonlyMap<string, string>;
  /** For the person who has to mend it. Others read it as well, so it names no folder of this machine. */
  readonly problem?: string;
}

/**
 * Reads lines of `NAME=value`. A file that is not there holds nothing; one that other users of the
 * machine may read is not used at all.
 */
export async function readSecretsFile(path: string): Promise<SecretsFile> {
  const none = new Map<string, string>();
  const name = basename(path);
  try {
    const { mode } = await stat(path);
    // Windows has no such bits; its folders of users are private.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const problem = `${name} is not used because other users of this machine can read it. Run in SLUICE_HOME: chmod 600 ${name}`;
      return { values: none, problem };
    }
    const parsed = Object.entries(parseEnv(await readFile(path, 'utf8')));
    return { values: new Map(parsed.flatMap(([name, value]) => (value ? [[name, value]] : []))) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    return code === 'ENOENT'
      ? { values: none }
      : { values: none, problem: `${name} cannot be read (${code}).` };
  }
}
