/** Takes callbacks: a URL that is sent signed JSON. */
export interface WebhookConnector {
  readonly name: string;
  /**
   * POSTs `body`, a JSON text, once. `id` stays the same when it is sent again, so that the receiver can tell.
   *
   * @throws RecordFailure for every answer outside 2xx and for none within 15 s. Redirects are not followed.
   */
  send(id: string, body: string, signal: AbortSignal): Promise<{ readonly status: number }>;
}
