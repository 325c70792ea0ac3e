import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { promisify, TextDecoder } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { encodingsIn } from './content-encodings.ts';
import { exactJson } from './exact-json.ts';
import { fieldComplaints } from './field-complaints.ts';
import { AnswerTooLarge, type WireAnswer } from './http-exchange.ts';

/** What is kept of an answer that is a result as it is. */
const maxStoredBytes = 64 * 1024;
/** What the steps of a flow get to see of one. */
export const maxUnpackedBytes = 1024 * 1024;
/** Deeper values could not be written down again. */
const maxDepth = 500;

const unpackers = new Map([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/** The bytes of an answer are not what its header says. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer';
}

/** A target that packs more often than this has not packed at all. */
const packedAtMost = 3;

const encodingsOf = ({ headers }: Pick<WireAnswer, 'headers'>) => encodingsIn(headers['content-encoding']);

/** There is a body, and it is encoded. */
export const isPacked = (answer: WireAnswer): boolean =>
  answer.body.length > 0 && encodingsOf(answer).length > 0;

/**
 * Undoes the content encoding of a packed answer.
 *
 * @throws AnswerTooLarge or UnreadableAnswer.
 */
export async function unpack(answer: WireAnswer): Promise<Buffer> {
  const encodings = encodingsOf(answer);
  if (encodings.length > packedAtMost) throw new UnreadableAnswer();
  let { body } = answer;
  for (const encoding of encodings.reverse()) body = await unpackOnce(body, encoding);
  return body;
}

async function unpackOnce(body: Buffer, encoding: string): Promise<Buffer> {
  const unpacker = unpackers.get(encoding);
  if (unpacker === undefined) throw new UnreadableAnswer();
  try {
    return await unpacker(body, { maxOutputLength: maxUnpackedBytes });
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw tooLarge ? new AnswerTooLarge() : new UnreadableAnswer();
  }
}

/** What stands in place of a body that is no text, such as an image; undefined: it is one. */
export function binaryNote(body: Buffer, headers: IncomingHttpHeaders): string | undefined {
  const type = headers['content-type'] ?? '';
  if (type === '' || isTextual(type) || decoderFor(type) !== undefined || isUtf8(body)) return undefined;
  return `(${body.length} bytes of ${type.split(';', 1)[0]?.trim()}: no text, and not kept)`;
}

const isTextual = (type: string) =>
  /^\s*text\/|\b(?:json|xml|javascript|x-www-form-urlencoded)\b/i.test(type);

/** The part of a body that is kept, as text: in the encoding that the headers name, else UTF-8. */
export function textOf(body: Buffer, maxBytes = maxStoredBytes, headers: IncomingHttpHeaders = {}): string {
  const decoder = decoderFor(headers['content-type'] ?? '');
  if (decoder !== undefined) return decoder.decode(body.subarray(0, maxBytes));
  const text = body.toString('utf8', 0, maxBytes);
  return text.startsWith(byteOrderMark) ? text.slice(1) : text;
}

const byteOrderMark = '\ufeff';

/** undefined: UTF-8, as nearly always. */
function decoderFor(type: string): TextDecoder | undefined {
  const [, charset = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type) ?? [];
  if (/^utf-?8$/i.test(charset)) return undefined;
  try {
    return new TextDecoder(charset);
  } catch {
    // A name that nobody knows says nothing about the bytes.
    return undefined;
  }
}

/** JSON when the target says so and it is, else text; null when empty. */
export function storedValue(text: string, headers: IncomingHttpHeaders): JsonValue {
  if (text === '') return null;
  if (!/[/+]json\b/i.test(headers['content-type'] ?? '') || depthOf(text) > maxDepth) return text;
  try {
    return exactJson(text);
  } catch {
    return text;
  }
}

/** What an answer says went wrong, and with which fields, wherever targets usually put it. */
export function complaintIn(value: JsonValue, headers: IncomingHttpHeaders): string | undefined {
  if (typeof value === 'string') return /html/i.test(headers['content-type'] ?? '') ? htmlText(value) : value;
  const sentence = complaint(value, 0);
  const ofFields = fieldComplaints(value);
  if (ofFields.length === 0) return sentence ?? (value === null ? undefined : JSON.stringify(value));
  const fields = ofFields.join('; ');
  const isAmongThem = ofFields.some((text) => text.endsWith(`: ${sentence}`));
  return sentence === undefined || isAmongThem ? fields : `${sentence} (${fields})`;
}

const complaintKeys = ['message', 'error_description', 'detail', 'error', 'title', 'errors', 'reason'];

function complaint(value: JsonValue | undefined, depth: number): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  if (depth > 3) return undefined;
  if (Array.isArray(value)) return complaint(value[0], depth + 1);
  if (!isJsonObject(value)) return undefined;
  for (const key of complaintKeys) {
    const found = Object.hasOwn(value, key) ? complaint(value[key], depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Characters of a page that are looked at; what is shown of it is far shorter. */
const htmlRead = 16_000;

/** The title of a page, and what it says beside that. */
function htmlText(page: string): string {
  const html = page.slice(0, htmlRead);
  const title = wordsOf(/<title[^<>]*>([^<]*)/i.exec(html)?.[1] ?? '');
  const body = html.search(/<body\b/i);
  const shown = body === -1 ? html.replace(/<title[^<>]*>[^<]*/i, ' ') : html.slice(body);
  const text = wordsOf(shown.replace(/<(script|style)\b[^<>]*>[^<]*/gi, ' ').replace(/<[^<>]*>/g, ' '));
  return title === '' || text.startsWith(title)
    ? text
    : [title, text].filter((part) => part !== '').join(': ');
}

const wordsOf = (text: string) => text.replace(/\s+/g, ' ').trim();

/** At least the depth of a JSON text; brackets inside strings count too, which is good enough here. */
function depthOf(text: string): number {
  // Two characters per level.
  if (text.length < 2 * maxDepth) return 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === 0x5b || character === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (character === 0x5d || character === 0x7d) depth -= 1;
  }
  return deepest;
}
