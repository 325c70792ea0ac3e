import { SluiceError } from '../../domain/sluice-error.ts';

const wayOut = 'or set DATABASE_URL to a Postgres of your own';

/** What the operating system's refusals mean to a person. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'part of the path is a file, not a folder',
  ENOENT: 'the folder cannot be made there',
};

/** The name of a failed system call's error, such as EACCES; undefined for any other failure. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error ? codeOf(error) : undefined;
}

/** The code of an error: a system's, the driver's or an SQLSTATE. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function cannotUse(home: string, error: unknown): SluiceError {
  const code = systemCode(error) ?? 'unknown';
  return new SluiceError(
    'database_unavailable',
    `Sluice cannot keep its database in "${capped(home)}": ${reasons[code] ?? code}. ` +
      `Set SLUICE_HOME to a folder it can write to, ${wayOut}.`,
    { cause: error },
  );
}

export function noBinaries(platform: string): SluiceError {
  return new SluiceError(
    'database_unsupported',
    `Sluice has no Postgres of its own for ${capped(platform)}. ` +
      'Set DATABASE_URL to a Postgres of your own, such as postgres://user:password@host:5432/sluice.',
  );
}

export function cannotExecute(program: string, error: unknown): SluiceError {
  const code = systemCode(error) ?? 'unknown';
  // The file was found before: what is missing is its loader, as on a Linux without glibc.
  const reason = code === 'ENOENT' ? 'this system lacks what it needs to run (such as glibc)' : reasons[code];
  return new SluiceError(
    'database_unsupported',
    `The Postgres that comes with Sluice cannot run here: "${capped(program)}": ${reason ?? code}. ` +
      'Set DATABASE_URL to a Postgres of your own.',
    { cause: error },
  );
}

/** `log` is Postgres' own text; its end is quoted. */
export function didNotStart(step: string, log: string, logFile?: string): SluiceError {
  const where = logFile === undefined ? '' : ` (the whole log: "${capped(logFile)}")`;
  return new SluiceError(
    'database_unavailable',
    `The embedded Postgres could not ${step}. It said${where}: "${lastLines(log)}". ` +
      `Mend that and try again, ${wayOut}.`,
  );
}

export function tookTooLong(step: string, dataDirectory: string): SluiceError {
  return new SluiceError(
    'database_unavailable',
    `The embedded Postgres of "${capped(dataDirectory)}" is still ${step}. ` +
      'Try again in a minute; if it stays so, run `sluice stop` and try again.',
  );
}

export function otherMajor(dataDirectory: string, theirs: string, ours: string): SluiceError {
  return new SluiceError(
    'database_unsupported',
    `"${capped(dataDirectory)}" was made by Postgres ${capped(theirs)} and this Sluice brings Postgres ${ours}. ` +
      'Use the Sluice version that made it, set SLUICE_HOME to another folder to start empty, ' +
      `${wayOut} that holds a copy.`,
  );
}

export function otherOwner(path: string): SluiceError {
  return new SluiceError(
    'database_unavailable',
    `"${capped(path)}" belongs to another OS user, or others may enter it, so Sluice does not use it. ` +
      `Run Sluice as its owner, set SLUICE_HOME to a folder of your own, ${wayOut}.`,
  );
}

export function refusedByServer(dataDirectory: string, code: string): SluiceError {
  return new SluiceError(
    'database_unavailable',
    `The embedded Postgres of "${capped(dataDirectory)}" runs but refuses Sluice (${capped(code)}). ` +
      `Run \`sluice stop\` and try again, set SLUICE_HOME to another folder, ${wayOut}.`,
  );
}

export function noServerUser(): SluiceError {
  return new SluiceError(
    'database_unsupported',
    'Postgres does not run as root, and this system has none of the users it could run as instead ' +
      '(sluice, postgres, nobody). Run Sluice as another user, make one with `useradd --system sluice`, ' +
      `${wayOut}.`,
  );
}

function capped(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}

function lastLines(log: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go.
  const printable = log.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  return printable === '' ? 'nothing' : printable.slice(-500);
}
