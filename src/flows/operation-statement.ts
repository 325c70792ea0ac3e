import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';

/** A call as a statement for a table. */
export interface OperationStatement {
  readonly text: string;
  readonly values: readonly JsonValue[];
  /** It is about a row, which may not be there. */
  readonly wantsRow: boolean;
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

const columnName = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** Why a call cannot be made of a table, or undefined. */
export function statementProblem({ method, path, body }: Call): string | undefined {
  const { table, id, rest } = partsOf(path);
  if (table === undefined || rest || path.includes('?')) return 'must be /TABLE or /TABLE/ID for a database';
  if (method === 'HEAD') return 'cannot be HEAD for a database';
  if ((method === 'POST') !== (id === undefined))
    return method === 'POST' ? 'must be /TABLE with POST' : `must be /TABLE/ID with ${method}`;
  if (method === 'GET' || method === 'DELETE') return undefined;
  if (!isJsonObject(body) || Object.keys(body).length === 0)
    return 'needs a body of columns and their values';
  return Object.keys(body).every((name) => columnName.test(name))
    ? undefined
    : 'has a body with names that are no columns';
}

/**
 * The statement for a call in which `statementProblem` finds nothing. Values are taken as what the columns are, by
 * the database itself; names are quoted, so that nothing of a call is ever read as SQL.
 */
export function statementOf({ method, path, body }: Call): OperationStatement {
  const { table = '', id } = partsOf(path);
  const key = id === undefined ? [] : [JSON.stringify({ id })];
  const isKey = `t.id = (json_populate_record(null::${table}, $1::json)).id`;
  if (method === 'GET')
    return { text: `select t.* from ${table} t where ${isKey}`, values: key, wantsRow: true };
  if (method === 'DELETE')
    return { text: `delete from ${table} t where ${isKey} returning t.*`, values: key, wantsRow: true };
  const row = body as JsonObject;
  const columns = Object.keys(row).map((name) => `"${name}"`);
  if (method === 'POST') {
    const text = `insert into ${table} (${columns.join(', ')}) select ${columns.join(', ')} from json_populate_record(null::${table}, $1::json) returning *`;
    return { text, values: [JSON.stringify(row)], wantsRow: false };
  }
  const set = columns.map((column) => `${column} = r.${column}`).join(', ');
  const text = `update ${table} t set ${set} from json_populate_record(null::${table}, $2::json) r where ${isKey} returning t.*`;
  return { text, values: [...key, JSON.stringify(row)], wantsRow: true };
}

/** `/customers/7` or `/shop.customers/7`; the table comes back quoted. */
function partsOf(path: string) {
  const [name = '', id, ...more] = path.slice(1).split('/');
  const names = name.split('.');
  const isTable = names.length <= 2 && names.every((part) => columnName.test(part));
  return {
    table: isTable ? names.map((part) => `"${part}"`).join('.') : undefined,
    id: id === undefined ? undefined : decodeURIComponent(id),
    rest: more.length > 0,
  };
}
