import { SluiceError } from '../domain/sluice-error.ts';
import { DatabaseFault, isDiskFull } from './database-fault.ts';

/** What a server that is there may have against those who set it up, by SQLSTATE. */
const refusals: Readonly<Record<string, string>> = {
  '28P01': 'the user or the password is wrong',
  '28000': 'it does not know the user, or does not let it in from here',
  '3D000': 'it has no database of that name; create it first',
  '42501':
    'the user lacks a right; it has to own the database, or may create schemas in it, and make, read and write tables in "public"',
  '3F000': 'the user has no schema to create tables in; its search_path names none that is there',
  '25006':
    'it is read-only; name the primary server, and set no default_transaction_read_only for the user or the database',
};

/** What a person who set the database up has to hear; undefined: the fault is not about that. */
export function refusalOf(fault: unknown): SluiceError | undefined {
  if (!(fault instanceof DatabaseFault)) return undefined;
  if (isDiskFull(fault)) {
    return new SluiceError(
      'storage_full',
      'The disk of the database is full: that of SLUICE_HOME, or of the server of DATABASE_URL. Make room on it, then try again; batch jobs that were accepted are kept, and go on when there is room.',
      { cause: fault },
    );
  }
  const why = refusals[fault.code];
  if (why === undefined) return undefined;
  return new SluiceError('database_unsupported', `The server of DATABASE_URL refuses Sluice: ${why}.`, {
    cause: fault,
  });
}
