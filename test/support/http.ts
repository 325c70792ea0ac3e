import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { tokenDigest } from '../../src/operations/access-tokens.ts';
import { type Serving, serveHttp } from '../../src/serve-http.ts';
import type { DatabaseAddress } from '../../src/store/database.ts';
import { urlOf } from './database.ts';
import { quietLog } from './engine.ts';

/** The operator's token of a server under test. */
export const operatorToken = 'operator-token-of-a-server-under-test-0';

export interface Served extends Serving {
  readonly home: string;
  /** Everything that was logged, in the order it happened. */
  readonly logged: readonly Readonly<Record<string, unknown>>[];
  /** A request to the server. `token` null: without one; default: the operator's. A plain object is sent as JSON. */
  request(path: string, options?: RequestOptions): Promise<Response>;
  /** As `request`, for the body of an answer in JSON; throws any status of 400 or more with its words. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by what a test expects of them
  json(path: string, options?: RequestOptions): Promise<any>;
  /** A token of somebody else than the operator. */
  tokenOf(owner: string, flowName?: string): Promise<string>;
  /** Writes a file under the home, such as `flows/a.yaml` or `owners/ada/flows/a.yaml`. */
  write(name: string, text: string): string;
  stop(): Promise<void>;
}

export interface RequestOptions extends Omit<RequestInit, 'body'> {
  readonly token?: string | null;
  readonly body?: RequestInit['body'] | Readonly<Record<string, unknown>> | readonly unknown[];
}

export interface ServeOptions {
  /** Flows of the operator, by the name of their file. */
  readonly flows?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the operator's token; null: none is set, and none needed. */
  readonly token?: string | null;
}

/** The real server, as `sluice serve` puts it together, on a port of its own with the database of a test. */
export async function serve(address: DatabaseAddress, options: ServeOptions = {}): Promise<Served> {
  const home = mkdtempSync(join(tmpdir(), 'sluice-http-'));
  const write = (name: string, text: string) => {
    const path = join(home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  mkdirSync(join(home, 'flows'));
  for (const [name, text] of Object.entries(options.flows ?? {})) write(join('flows', name), text);
  const { token: own = operatorToken } = options;
  const config = readConfig({
    HOME: home,
    DATABASE_URL: urlOf(address),
    SLUICE_HOME: home,
    SLUICE_BACKGROUND: 'off',
    SLUICE_PORT: '0',
    ...(own === null ? {} : { SLUICE_TOKEN: own }),
    ...options.env,
  });
  const logged: Record<string, unknown>[] = [];
  const note = (fields: object, message: string) => void logged.push({ ...fields, message });
  const serving = await serveHttp(config, { ...quietLog, info: note, warn: note, error: note });

  const request = (path: string, { token = own, headers, body, ...rest }: RequestOptions = {}) => {
    const isData =
      Array.isArray(body) || (body !== undefined && Object.getPrototypeOf(body) === Object.prototype);
    return fetch(new URL(path, serving.url), {
      ...rest,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(isData ? { 'content-type': 'application/json' } : {}),
        ...Object.fromEntries(new Headers(headers)),
      },
      ...(body == null
        ? {}
        : { body: isData ? JSON.stringify(body) : (body as NonNullable<RequestInit['body']>) }),
    });
  };
  return {
    ...serving,
    home,
    logged,
    request,
    async json(path, given) {
      const response = await request(path, given);
      const text = await response.text();
      if (response.status >= 400) throw new Error(`${response.status} ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    },
    async tokenOf(owner, flowName) {
      const token = `test-${randomUUID()}`;
      const { db } = await serving.sluice.open();
      await db.run(
        (sql) => sql`
          insert into access_tokens (id, digest, prefix, owner, flow_name)
          values (${randomUUID()}, ${tokenDigest(token)}, ${token.slice(0, 8)}, ${owner}, ${flowName ?? null})`,
      );
      return token;
    },
    write,
    async stop() {
      await serving.close(500);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
