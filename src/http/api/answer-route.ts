import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { checkInput } from '../../operations/check-input.ts';
import { contextOf, type HttpOptions } from '../environment.ts';
import { headerValue } from './header-value.ts';
import { jsonSchemaOf, propertyOf } from './json-schema.ts';
import { joined, readBody } from './read-body.ts';
import { readQuery } from './read-query.ts';
import { type ApiContext, type OperationRoute, pathNames } from './route.ts';

/** Asks the operation of a route for the caller of a request. */
export async function answerRoute(
  c: ApiContext,
  route: OperationRoute,
  options: HttpOptions,
): Promise<Response> {
  const { operation } = route;
  const input = checkInput(operation, await givenTo(c, route));
  const context = { ...contextOf(options, c), isForProgram: true };
  const output = operation.output.parse(await operation.run(context, input)) as JsonObject;
  route.refuse?.(output);
  const answer = route.extend?.(output) ?? output;
  return c.json(answer, route.status?.(answer) ?? 200, route.headers?.(answer));
}

/** What a request asks for, from the body, the query, the headers and the path. */
async function givenTo(c: ApiContext, route: OperationRoute): Promise<JsonValue> {
  const body = await readBody(c, route);
  const outside = { ...headerOf(c, route), ...readQuery(c, route), ...pathOf(c, route), ...route.fixed };
  const given = joined(body, outside);
  return route.reshape?.(given) ?? given;
}

function headerOf(c: ApiContext, { header }: OperationRoute): JsonObject {
  const value = header === undefined ? undefined : headerValue(c, header.name);
  return header === undefined || value === undefined ? {} : { [header.parameter]: value };
}

function pathOf(c: ApiContext, { operation, path }: OperationRoute): JsonObject {
  const schema = jsonSchemaOf(operation.input, 'input');
  return Object.fromEntries(
    pathNames(path).map((name) => {
      const text = c.req.param(name) ?? '';
      const isNumber = propertyOf(schema, name)?.type === 'integer' && /^-?\d{1,15}$/.test(text);
      return [name, isNumber ? Number(text) : text];
    }),
  );
}
