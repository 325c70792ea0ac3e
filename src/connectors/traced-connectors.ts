import type { HttpConnector } from './http.ts';
import type { McpConnector } from './mcp.ts';
import type { SqlConnector } from './sql.ts';
import { isTracing, tracedCall } from './tracing.ts';

/** The same connector, whose calls have spans and tell the target the trace they belong to. */
export const tracedHttp = <T extends HttpConnector>(connector: T): T => ({
  ...connector,
  call: (request) => {
    // Nothing is made ready for nobody: this is on the way of every record.
    if (!isTracing()) return connector.call(request);
    const { method, step } = request;
    const about = { 'http.request.method': method, 'sluice.connector': connector.name, ...stepOf(step) };
    return tracedCall(`${method} ${connector.name}`, about, (headers) => {
      if (headers.traceparent === undefined) return connector.call(request);
      return connector.call({ ...request, headers: { ...headers, ...request.headers } });
    });
  },
});

export const tracedSql = <T extends SqlConnector>(connector: T): T => ({
  ...connector,
  run: (statement) => {
    const { name } = connector;
    const about = { 'sluice.connector': name, 'db.system.name': 'postgresql', ...stepOf(statement.step) };
    return tracedCall(`SQL ${name}`, about, () => connector.run(statement));
  },
  transact: (transaction) => {
    const { name } = connector;
    const about = { 'sluice.connector': name, 'db.system.name': 'postgresql', ...stepOf(transaction.step) };
    return tracedCall(`SQL ${name}`, about, () => connector.transact(transaction));
  },
});

export const tracedMcp = <T extends McpConnector>(connector: T): T => ({
  ...connector,
  call: (request) => {
    const { name } = connector;
    const { tool, step } = request;
    const about = { 'sluice.connector': name, 'mcp.tool.name': tool, ...stepOf(step) };
    return tracedCall(`tools/call ${name}`, about, () => connector.call(request));
  },
});

const stepOf = (step: string | undefined) => (step === undefined ? {} : { 'sluice.step': step });
