import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { Refusal } from '../problem.ts';
import type { ApiContext, OperationRoute } from './route.ts';

/** Deeper than any record that is taken, and shallow enough for whatever walks through the value. */
const levelsAtMost = 200;
/** Finding the place where a longer text breaks would take too long. */
const searchedAtMost = 1024 * 1024;

type BodyOf = Pick<OperationRoute, 'body' | 'text'>;

/**
 * The body of a request, an object in JSON; empty when nothing was sent and nothing has to be.
 *
 * @throws Refusal when it is something else
 */
export async function readBody(c: ApiContext, route: BodyOf): Promise<JsonObject> {
  if (route.body === undefined) return {};
  const mediaType = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  const text = mediaType === undefined || isTaken(mediaType, route) ? await readText(c) : undefined;
  if (text === '' && route.body === 'optional') return {};
  if (text === undefined || mediaType === undefined) throw notJson(route);
  if (route.text?.mediaTypes.includes(mediaType) === true) return { [route.text.parameter]: text };
  return objectIn(parseJson(text, 'The body'));
}

/**
 * Whatever JSON a request brings.
 *
 * @throws Refusal
 */
export async function readJson(c: ApiContext): Promise<JsonValue> {
  const mediaType = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (mediaType === undefined || !isTaken(mediaType, {})) throw notJson({});
  return parseJson(await readText(c), 'The body');
}

/** @throws Refusal for any other value */
export function objectIn(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Refusal(400, 'invalid_json', 'The body is JSON, but no object in braces. Nothing was changed.');
}

const isTaken = (mediaType: string, { text }: BodyOf) =>
  mediaType === 'application/json' || mediaType.endsWith('+json') || text?.mediaTypes.includes(mediaType);

function notJson({ text }: BodyOf): Refusal {
  const others = (text?.mediaTypes ?? []).map((mediaType) => ` or ${mediaType}`).join('');
  return new Refusal(
    415,
    'unsupported_media_type',
    `The body has to be sent as Content-Type: application/json${others}. Nothing was changed.`,
    { accept: ['application/json', ...(text?.mediaTypes ?? [])].join(', ') },
  );
}

async function readText(c: ApiContext): Promise<string> {
  const bytes = await c.req.arrayBuffer();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal(400, 'invalid_json', 'The body is not valid UTF-8. Nothing was changed.');
  }
}

/**
 * The value of a text in JSON. `what` begins the sentence that says what is wrong.
 *
 * @throws Refusal naming the place where it breaks
 */
export function parseJson(text: string, what: string): JsonValue {
  const value = parsed(text);
  if (value instanceof SyntaxError) {
    const where = placeIn(text, breakOf(text, value));
    throw new Refusal(400, 'invalid_json', `${what} is not valid JSON${where}. Nothing was changed.`);
  }
  if (isTooDeep(value)) {
    throw new Refusal(
      400,
      'invalid_json',
      `${what} is nested more than ${levelsAtMost} levels deep. Nothing was changed.`,
    );
  }
  return value;
}

function parsed(text: string): JsonValue | SyntaxError {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return error;
    throw error;
  }
}

/** Where the parser gave up. It does not always say, but a text that is cut off before that place only ends too early. */
function breakOf(text: string, error: SyntaxError): number | undefined {
  const told = positionIn(error);
  if (told !== undefined) return told;
  if (endsEarly(text, error)) return text.length;
  if (text.length > searchedAtMost) return undefined;
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const beginning = text.slice(0, middle);
    const found = parsed(beginning);
    if (!(found instanceof SyntaxError) || endsEarly(beginning, found)) good = middle;
    else bad = middle;
  }
  return good;
}

function positionIn({ message }: SyntaxError): number | undefined {
  const position = /at position (\d+)/.exec(message)?.[1];
  return position === undefined ? undefined : Number(position);
}

const endsEarly = (text: string, error: SyntaxError) =>
  error.message.includes('end of JSON') || (positionIn(error) ?? -1) >= text.length;

function placeIn(text: string, position: number | undefined): string {
  if (position === undefined) return '';
  const before = text.slice(0, position).split('\n');
  return `: it breaks at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1} (position ${position})`;
}

function isTooDeep(value: JsonValue): boolean {
  let level: JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levelsAtMost) return true;
    level = level.flatMap((inner) =>
      typeof inner === 'object' && inner !== null ? (Object.values(inner) as JsonValue[]) : [],
    );
  }
  return false;
}

/**
 * What the body of a request and the rest of it say.
 *
 * @throws Refusal when they say different things
 */
export function joined(body: JsonObject, outside: JsonObject): JsonObject {
  for (const [name, value] of Object.entries(outside)) {
    if (!Object.hasOwn(body, name) || body[name] === value) continue;
    throw new Refusal(
      400,
      'invalid_input',
      `${name} stands in the body and differs from what the request says outside of it. Nothing was changed.`,
    );
  }
  return { ...body, ...outside };
}
