import { onTestFinished } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import type { RunOptions } from '../flows/steps/run-flow.ts';
import { type Hit, type Mode, ok, startTarget, type Target } from '../support/target.ts';
import { connectorsWith, secrets } from './recipes.ts';

/** A target, and the connectors of the cookbook, which all lead to it, with their credentials. */
export async function served(
  answer: (hit: Hit) => Mode = () => ok,
): Promise<Target & { options: RunOptions }> {
  const target = await startTarget({ answer });
  onTestFinished(() => target.close());
  const here = { base_url: target.url };
  const connectors = connectorsWith({
    crm: here,
    'company-register': here,
    shop: here,
    metering: here,
    billing: here,
    mailer: here,
    slack: here,
  });
  const env = { ...secrets, CHAT_WEBHOOK_URL: `${target.url}/hooks/T0/B1?key=k` };
  return Object.assign(target, { options: { connectors, env } });
}

/** Method, path and body of each call. */
export const callsOf = ({ hits }: Pick<Target, 'hits'>) =>
  hits.map(({ method, path, body }) => (body === null ? [method, path] : [method, path, body]));

export const answer = (body: JsonValue): Mode => ({ kind: 'ok', body });
