import type { HttpConnector } from '../../connectors/http.ts';
import type { ConnectorRegistry } from '../../connectors/registry.ts';
import type { JsonValue } from '../../domain/json.ts';
import { encodeSegment, pathOf, urlRefused as refused } from '../filled-path.ts';
import type { Scope } from '../names.ts';
import { pathProblem, secretInUrl, urlProblem } from './http-url.ts';
import type { StepSite } from './step-kind.ts';

/** Where a request goes. Only what a person has written decides about the host. */
export interface HttpTarget {
  /** `crm /api/customers`, or the URL, as the flow writes it. */
  readonly summary: string;
  /** Path as the flow writes it, for failures. */
  readonly endpoint: string;
  readonly approval: readonly string[];
  /** @throws RecordFailure of class data for a value that leads elsewhere. */
  resolve(
    scope: Scope,
    connectors: ConnectorRegistry,
    step: string,
  ): { connector: HttpConnector; path: string };
}

interface Written {
  readonly connector?: string | undefined;
  readonly path?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly url?: string | undefined;
  readonly hosts?: readonly string[] | undefined;
}

const nowhere: HttpTarget = {
  summary: '',
  endpoint: '',
  approval: [],
  resolve() {
    throw new Error('a step with problems does not run');
  },
};

export function httpTargetOf(written: Written, site: StepSite): HttpTarget {
  const { connector, url } = written;
  if (written.hosts !== undefined && (url === undefined || !isOnePlace(url))) {
    site.problem(['hosts'], 'is for a url that is one place, such as {{ record.url }}', 'remove it');
  }
  if (connector !== undefined) return connectorTarget(connector, written, site);
  if (url === undefined) return nowhere;
  const fixed = /^(https?:\/\/[^/?#{}\s]+)(?=[/?#]|$)/i.exec(url)?.[1];
  if (fixed !== undefined) return fixedHost(url, fixed, site);
  const byEnvironment = /^\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}(?=\/|$)/.exec(url);
  if (byEnvironment !== null)
    return environmentHost(url, byEnvironment[1] ?? '', byEnvironment[0].length, site);
  return anyHost(url, written.hosts, site);
}

function connectorTarget(name: string, { path, endpoint }: Written, site: StepSite): HttpTarget {
  const key = path === undefined && endpoint !== undefined ? 'endpoint' : 'path';
  const text = path ?? endpoint ?? '/';
  checkPath(text, key, site);
  const template = path === undefined && endpoint === undefined ? undefined : site.template(key);
  return {
    summary: `${name} ${text}`,
    endpoint: text,
    approval: [],
    resolve: (scope, connectors, step) => ({
      connector: connectors.http(name),
      path: template === undefined ? text : pathOf(template, text, scope, step),
    }),
  };
}

function checkPath(text: string, key: string, site: StepSite): void {
  const wrong = /^[a-z]{1,20}:\/\//i.test(text)
    ? { message: 'must begin with /; the host is the base_url of the connector' }
    : text.startsWith('/')
      ? pathProblem(text)
      : { message: 'must begin with /' };
  if (wrong !== undefined) site.problem([key], wrong.message);
  checkSecret(text, key, site);
}

function checkSecret(text: string, key: string, site: StepSite): void {
  const name = secretInUrl(text);
  if (name === undefined) return;
  const variable = name.toUpperCase().replaceAll('-', '_');
  site.problem([key], `holds a secret in ${name}=`, `write ${name}={{ env.${variable} }}`);
}

function fixedHost(url: string, origin: string, site: StepSite): HttpTarget {
  if (!URL.canParse(origin)) {
    site.problem(['url'], 'has a host or a port that cannot be');
    return nowhere;
  }
  if (new URL(origin).username !== '' || new URL(origin).password !== '') {
    site.problem(['url'], 'must be a URL without a password', 'use auth: { type: bearer, token_env: NAME }');
    return nowhere;
  }
  const template = site.template('url');
  const shown = url.slice(origin.length) || '/';
  const wrong = template === undefined ? undefined : pathProblem(shown);
  if (wrong !== undefined) site.problem(['url'], wrong.message);
  checkSecret(url, 'url', site);
  return {
    summary: url,
    endpoint: shown,
    approval: [`calls ${new URL(origin).host}, which is no declared connector`],
    resolve(scope, connectors, step) {
      const whole = template === undefined ? url : pathOf(template, url, scope, step);
      return { connector: connectors.httpAt(new URL(origin).origin), path: afterOrigin(whole, origin) };
    },
  };
}

function environmentHost(url: string, variable: string, length: number, site: StepSite): HttpTarget {
  const template = site.template('url');
  return {
    summary: url,
    endpoint: url.slice(length) || '/',
    approval: [`calls the host in the environment variable ${variable}`],
    resolve(scope, connectors, step) {
      const given = String((scope.env as Record<string, JsonValue>)[variable] ?? '');
      const base = URL.canParse(given) ? new URL(given) : undefined;
      if (base === undefined || !/^https?:$/.test(base.protocol)) {
        throw refused(step, `the environment variable ${variable} holds no URL`);
      }
      // The places behind the host are encoded one by one; the host's own text is put back afterwards.
      const rest = (template === undefined ? '' : pathOf(template, url, scope, step)).slice(
        encodeSegment(given).length,
      );
      return { connector: connectors.httpAt(base.origin), path: pathBelow(base, rest) };
    },
  };
}

/** Webhooks have their secret in the path or in the query, so both stay as they are. */
function pathBelow({ pathname, search }: URL, rest: string): string {
  if (rest === '') return pathname + search;
  const path = withoutSlashes(pathname) + rest;
  return rest.includes('?') ? path + search.replace('?', '&') : path + search;
}

const isOnePlace = (url: string) => /^\{\{[^{}]*\}\}$/.test(url.trim());

function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

/** A url that is one place as a whole: it leads to the hosts the step names, or that its loop's own list holds. */
function anyHost(url: string, hosts: readonly string[] | undefined, site: StepSite): HttpTarget {
  const value = site.template('url');
  const allowed = hosts ?? site.literalItems?.flatMap(hostOf);
  if (!isOnePlace(url)) {
    const { message, suggestion } = urlProblem(url);
    site.problem(['url'], message, suggestion);
  } else if (allowed === undefined) {
    site.problem(
      ['url'],
      'leaves the host to the record',
      'name the hosts it may lead to, such as hosts: [images.example.com], or hosts: ["*"] for all that are public',
    );
  }
  return {
    summary: url,
    endpoint: url,
    approval: ['calls hosts that no connector declares'],
    resolve(scope, connectors, step) {
      const given = value?.value(scope);
      const parsed = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined;
      if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
        throw refused(step, 'the url is no http:// or https:// URL');
      }
      if (parsed.username !== '' || parsed.password !== '') {
        throw refused(step, 'the url has a user name or a password before its host, behind which is an @');
      }
      if (!(allowed ?? []).some((host) => isWithin(parsed, host))) {
        throw refused(step, 'the url leads to a host that the step does not name');
      }
      return { connector: connectors.httpAt(parsed.origin), path: `${parsed.pathname}${parsed.search}` };
    },
  };
}

function hostOf(item: JsonValue): string[] {
  return typeof item === 'string' && URL.canParse(item) ? [new URL(item).host] : [];
}

function isWithin({ host, hostname }: URL, pattern: string): boolean {
  const wanted = pattern.toLowerCase();
  if (wanted === '*' || wanted === host || wanted === hostname) return true;
  return wanted.startsWith('*.') && (hostname.endsWith(wanted.slice(1)) || host.endsWith(wanted.slice(1)));
}

function afterOrigin(whole: string, origin: string): string {
  const path = whole.slice(origin.length).replace(/#.*$/, '');
  return path.startsWith('/') ? path : `/${path}`;
}
