import { SluiceError } from '../domain/sluice-error.ts';

/** What a caller may be told of an error: ours as it is, anything else without detail. */
export function describeError(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof SluiceError) return { code: error.code, message: error.message };
  return {
    code: 'internal_error',
    message:
      'Something unexpected went wrong inside Sluice; its log (stderr) says when. Batch jobs that were accepted go on. Try the call again.',
  };
}
