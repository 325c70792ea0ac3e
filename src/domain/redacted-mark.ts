/** What stands in the place of a field that must not be seen. */
export const redactedMark = '[redacted]';
