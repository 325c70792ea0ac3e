import type { ConnectorRegistry } from '../../src/connectors/registry.ts';

function refused(): never {
  throw new Error('a test flow calls no connector');
}

/** A registry without connectors, but for what a test brings along. */
export function noConnectors(more: Partial<ConnectorRegistry> = {}): ConnectorRegistry {
  return {
    listings: [],
    http: refused,
    httpAt: refused,
    filesOver: refused,
    sql: refused,
    mcp: refused,
    webhook: refused,
    circuit: () => undefined,
    throttles: () => [],
    leavesLostAnswers: () => false,
    windowMs: () => undefined,
    setShare: () => {},
    usedRate: () => undefined,
    rememberCalls: () => {},
    programs: { run: refused, python: refused, async close() {} },
    variable: () => undefined,
    obstacle: () => undefined,
    callPlan: () => undefined,
    async close() {},
    ...more,
  };
}
