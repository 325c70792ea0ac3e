import { z } from 'zod';
import { errorClasses, type Failure } from '../domain/failure.ts';

/** A failure as answers and files show it. */
export const errorOutput = z.object({
  class: z.enum(errorClasses),
  code: z.string(),
  message: z.string(),
  untrusted_message: z.string().optional(),
  step: z.string().optional(),
});

export function errorOf({ class: errorClass, code, message, untrustedMessage, step }: Failure) {
  return {
    class: errorClass,
    code,
    message,
    ...(untrustedMessage === undefined ? {} : { untrusted_message: untrustedMessage }),
    ...(step === undefined ? {} : { step }),
  };
}
