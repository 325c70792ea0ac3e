import { headerNameProblem, isHeaderValue } from '../connectors/header-rules.ts';

export { type BatchOffer, batchMethods, offerFor, pathProblem } from '../connectors/batch-offer.ts';
export { statementProblem } from './operation-statement.ts';

/** Why an operation cannot send a header, or undefined. */
export function headerProblem(name: string, value: string): string | undefined {
  if (!isHeaderValue(value)) return 'must be one line of Latin-1 characters';
  return /^(idempotency-key|content-type)$/i.test(name) ? 'is set by Sluice itself' : headerNameProblem(name);
}
