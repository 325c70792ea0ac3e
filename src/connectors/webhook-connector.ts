import { Webhook } from 'standardwebhooks';
import { RecordFailure } from '../domain/failure.ts';
import { guardedConnector } from './address-guard.ts';
import { complaintIn, storedValue, textOf } from './answer-body.ts';
import { answerFailure, type CallNames, redirectFailure, withoutAnswer } from './call-failure.ts';
import { connectorFailure } from './connector-failure.ts';
import type { WebhookSettings } from './connectors-file.ts';
import { HttpConnections } from './http-connections.ts';
import { exchange } from './http-exchange.ts';
import { type Secret, scrubber } from './secret.ts';
import type { WebhookConnector } from './webhook.ts';
import { signingKey } from './webhook-secret.ts';

const timeoutMs = 15_000;

export interface WebhookConnectorOptions {
  readonly settings: WebhookSettings;
  /** What callbacks are signed with; without it they are not. */
  readonly secret: Secret | undefined;
  readonly userAgent: string;
  /** Opens private addresses to every connector, whatever its own setting. */
  readonly allowPrivateHosts: boolean;
}

/** Opens a connector. Nothing is connected before the first callback; `close` cuts what is under way. */
export function openWebhookConnector(
  options: WebhookConnectorOptions,
): WebhookConnector & { close(): Promise<void> } {
  const { settings, secret, userAgent } = options;
  const { origin, pathname, search } = new URL(settings.url);
  const connections = new HttpConnections(
    origin,
    guardedConnector(settings.allowPrivate || options.allowPrivateHosts),
  );
  const signed = signer(secret);
  const scrub = scrubber(secret === undefined ? [] : [secret]);
  // What stands behind the host may be a secret itself, so that failures do not repeat it.
  const names: CallNames = {
    connector: settings.name,
    addressKey: 'url',
    method: 'POST',
    endpoint: 'its URL',
    step: undefined,
    timeoutMs,
  };

  const post = async (id: string, body: string, signal: AbortSignal) => {
    const headers = ['content-type', 'application/json', 'user-agent', userAgent, ...signed(id, body)];
    const request = { method: 'POST', path: pathname + search, headers, body } as const;
    const answer = await exchange(connections, request, timeoutMs, signal).catch((error: unknown) => {
      throw withoutAnswer(names, error);
    });
    const { status, headers: said } = answer;
    if (status >= 200 && status < 300) return { status };
    if (status < 400) {
      const location = said.location && scrub(said.location);
      throw new RecordFailure(redirectFailure(names, { status, location, isTooFar: false }));
    }
    const complaint = complaintIn(storedValue(scrub(textOf(answer.body)), said), said);
    throw new RecordFailure(answerFailure(names, answer, complaint, Date.now()));
  };

  return {
    name: settings.name,
    send: (...sent) =>
      post(...sent).catch((error: unknown) => {
        throw connectorFailure(settings, error);
      }),
    close: () => connections.close(),
  };
}

/** The headers of https://www.standardwebhooks.com, names and values in turn. */
function signer(secret: Secret | undefined): (id: string, body: string) => string[] {
  const webhook = secret && new Webhook(signingKey(secret.reveal()), { format: 'raw' });
  return (id, body) => {
    const at = new Date();
    const named = ['webhook-id', id, 'webhook-timestamp', String(Math.floor(at.getTime() / 1000))];
    return webhook === undefined ? named : [...named, 'webhook-signature', webhook.sign(id, at, body)];
  };
}
