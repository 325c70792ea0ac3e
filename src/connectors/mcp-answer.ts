import { z } from 'zod';
import type { ErrorClass } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue, writtenJson } from '../domain/json.ts';
import { complaintIn, maxUnpackedBytes, storedValue, textOf } from './answer-body.ts';
import { classOf } from './call-failure.ts';
import { retryAfterMs } from './retry-after.ts';

/** The answer to a call, taken as it comes: what a server gets wrong in it must not lose the rest. */
export const toolAnswerSchema = z.looseObject({
  content: z.array(z.unknown()).catch([]),
  structuredContent: z.unknown().optional(),
  isError: z.unknown().optional(),
});
export type ToolAnswer = z.output<typeof toolAnswerSchema>;

type Scrub = (text: string) => string;

const asJson = { 'content-type': 'application/json' };

/**
 * The value of an answer: `structuredContent`; without it the text, parsed when it is an object or a list;
 * else the content, in which data of images, sounds and files is replaced by its size. Cut at 1 MiB, and
 * then a text.
 *
 * @throws RangeError when it is nested too deeply
 */
export function resultOf(answer: ToolAnswer, scrub: Scrub): JsonValue {
  const structured = structuredOf(answer);
  if (structured !== undefined) return kept(writtenJson(structured), scrub);
  if (answer.content.length === 0) return null;
  const text = textIn(answer);
  if (text === undefined) return kept(writtenJson(answer.content.map(withoutData)), scrub);
  if (/^\s*[[{]/.test(text)) return kept(text, scrub);
  return textOf(Buffer.from(scrub(text)));
}

/** What a tool says went wrong; undefined when it says nothing. */
export function complaintOf(answer: ToolAnswer, scrub: Scrub): string | undefined {
  const text = textIn(answer) || complaintIn(structuredOf(answer) ?? null, asJson);
  return text === undefined ? undefined : scrub(text);
}

/** What an error says about whether another call can help. */
export interface ErrorHint {
  readonly class: ErrorClass;
  readonly retryAfterMs?: number;
}

/**
 * Reads `retryable`, an HTTP `status` and `retry_after` (seconds, or an HTTP date) off an error that is JSON, from the top or
 * below `error`.
 */
export function hintIn(answer: ToolAnswer): ErrorHint | undefined {
  const value = structuredOf(answer) ?? storedValue(textOf(Buffer.from(textIn(answer) ?? '')), asJson);
  if (!isJsonObject(value)) return undefined;
  const error: JsonObject = { ...value, ...(isJsonObject(value.error) ? value.error : {}) };
  const errorClass = hintedClass(error);
  if (errorClass === undefined) return undefined;
  const wait =
    errorClass === 'transient' ? retryAfterMs(String(error.retry_after ?? ''), Date.now()) : undefined;
  return { class: errorClass, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
}

function hintedClass(error: JsonObject): ErrorClass | undefined {
  if (typeof error.retryable === 'boolean') return error.retryable ? 'transient' : 'data';
  const numbers = [error.status, error.status_code, error.statusCode, error.code].map(Number);
  const status = numbers.find(isErrorStatus);
  return status === undefined ? undefined : classOf(status);
}

function isErrorStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 400 && status <= 599;
}

function structuredOf({ structuredContent }: ToolAnswer): JsonValue | undefined {
  return structuredContent === null ? undefined : (structuredContent as JsonValue | undefined);
}

/** The text of an answer that consists of nothing else. */
function textIn({ content }: ToolAnswer): string | undefined {
  const texts = content.map((block) =>
    isJsonObject(block) && block.type === 'text' && typeof block.text === 'string' ? block.text : undefined,
  );
  return texts.length === 0 || texts.includes(undefined) ? undefined : texts.join('\n');
}

function kept(json: string, scrub: Scrub): JsonValue {
  return storedValue(textOf(Buffer.from(scrub(json)), maxUnpackedBytes), asJson);
}

/** A block of content with the size of its data instead of the data. */
function withoutData(block: unknown): unknown {
  if (!isJsonObject(block)) return block;
  const { type, data, mimeType, resource, ...rest } = block;
  if (typeof data === 'string') return { type, mime_type: mimeType ?? null, size: sizeOf(data) };
  if (isJsonObject(resource) && typeof resource.blob === 'string') {
    const { uri, mimeType: mime, blob } = resource;
    return { type, uri, mime_type: mime ?? null, size: sizeOf(blob as string) };
  }
  return {
    type,
    ...rest,
    ...(mimeType === undefined ? {} : { mime_type: mimeType }),
    ...(resource === undefined ? {} : { resource }),
  };
}

/** Bytes behind a base64 text. */
function sizeOf(base64: string): number {
  return Buffer.byteLength(base64, 'base64');
}
