import { parseArgs } from 'node:util';
import type { Config, HttpConfig } from './config.ts';
import { SluiceError } from './domain/sluice-error.ts';
import { isLoopback } from './http/guard.ts';
import { createLog } from './log.ts';
import { serveHttp } from './serve-http.ts';

/** What is under way gets this long when the server has to end, in milliseconds. */
const graceMs = 5000;

/** `sluice serve [--host HOST] [--port PORT]`: serves HTTP until a signal comes. */
export async function runServe(config: Config, args: readonly string[]): Promise<void> {
  const http = { ...config.http, ...optionsOf(args) };
  if (http.token === undefined && http.oauth === undefined && !isLoopback(http.host))
    throw unprotected(http.host);
  const serving = await serveHttp({ ...config, http }, createLog(http.logLevel));
  process.stdout.write(`Sluice listens on ${serving.url}\n`);
  serving.sluice.resume();
  await told();
  await serving.close(graceMs);
}

function optionsOf(args: readonly string[]): Partial<Pick<HttpConfig, 'host' | 'port'>> {
  const { host, port } = parse(args);
  if (port !== undefined && !isPort(port))
    throw wrong(`--port: "${port}" is no port, which is a whole number from 0 to 65535`);
  return { ...(host && { host }), ...(port && { port: Number(port) }) };
}

const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535;

function parse(args: readonly string[]) {
  try {
    const options = { host: { type: 'string' }, port: { type: 'string' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : 'the options are wrong');
  }
}

const wrong = (what: string) =>
  new SluiceError('invalid_configuration', `${what}. Usage: sluice serve [--host HOST] [--port PORT]`);

const unprotected = (host: string) =>
  new SluiceError(
    'invalid_configuration',
    `Without a token Sluice listens on this machine only, not on ${host}. Set SLUICE_TOKEN to 32 characters or more (openssl rand -hex 32), or SLUICE_OAUTH_ISSUER and SLUICE_OAUTH_AUDIENCE.`,
  );

/** Resolves when the process is told to end. */
function told(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve).once('SIGHUP', resolve);
  });
}
