import { inWords } from './format.ts';

/** The status of a job or a record. */
export const StatusBadge = ({ status }: { readonly status: string }) => (
  <span class={`badge badge-${status.replaceAll('_', '-')}`}>{inWords(status)}</span>
);
