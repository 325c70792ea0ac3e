/** What people write for `success_when` and `retry_when` who know another tool, or where they do not belong. */
const successWords: readonly string[] = [
  ...['success', 'success_if', 'success_when', 'succeed_when', 'succeeds_when', 'ok_if', 'ok_when'],
  ...['fail_if', 'fail_when', 'failed_if', 'failed_when', 'error_if', 'error_when', 'assert', 'expect'],
];
const retryWords: readonly string[] = ['retry_if', 'retry_when'];

/** How to say which answers are good ones, for a key that is none of the `known` ones. */
export function successAdvice(key: string, known: readonly string[]): string | undefined {
  if (/^(success|accepted?|expected)_(codes?|status(es)?)$/.test(key)) {
    return 'write success_codes: in a step with type: http_request, in a flow of steps';
  }
  const isRetry = retryWords.includes(key);
  if (!isRetry && !successWords.includes(key)) return undefined;
  if (known.includes('success_when')) {
    return isRetry
      ? 'write retry_when: beside success_when:, with what is true of an answer that is to be asked for again'
      : 'write success_when: with what is true of a good answer, such as response.body.ok == true';
  }
  if (known.includes('target')) return `write ${isRetry ? 'retry_when' : 'success_when'}: below target:`;
  return isRetry
    ? 'write retry_when: beside success_when: in a step with type: http_request'
    : 'write success_when: in a step with type: http_request; behind another one a step with type: fail and when:';
}
