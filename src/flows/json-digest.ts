import { createHash } from 'node:crypto';
import { inOrder, type JsonValue } from '../domain/json.ts';

/** The same for equal values, whatever the order of their keys: 32 hexadecimal digits. */
export const jsonDigest = (value: JsonValue): string =>
  createHash('sha256')
    .update(JSON.stringify(inOrder(value)))
    .digest('hex')
    .slice(0, 32);
