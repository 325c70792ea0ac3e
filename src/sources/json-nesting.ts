export const byteOf = {
  quote: 34,
  comma: 44,
  colon: 58,
  openBracket: 91,
  backslash: 92,
  closeBracket: 93,
  openBrace: 123,
  closeBrace: 125,
  lineFeed: 10,
} as const;

/** Follows how deep JSON text is nested, byte by byte. It trusts the text to be JSON. */
export class JsonNesting {
  /** Arrays and objects open. */
  depth = 0;
  /** Of the next byte, from 1. */
  line = 1;
  insideString = false;
  private escaped = false;

  /** Takes the next byte. True when it is structure, a scalar or a blank; false when it belongs to a string. */
  take(byte: number): boolean {
    if (this.insideString) {
      this.takeOfString(byte);
      return false;
    }
    if (byte === byteOf.quote) this.insideString = true;
    else if (byte === byteOf.openBrace || byte === byteOf.openBracket) this.depth++;
    else if (byte === byteOf.closeBrace || byte === byteOf.closeBracket) this.depth--;
    else if (byte === byteOf.lineFeed) this.line++;
    return !this.insideString;
  }

  /** Takes the bytes from `start` on that belong to a string, if it is inside one; the index of the next byte. */
  takeString(bytes: Buffer, start: number): number {
    let index = start;
    while (this.insideString && index < bytes.length) {
      if (!this.escaped) index = plainUntil(bytes, index);
      if (index < bytes.length) this.takeOfString(bytes[index++] ?? 0);
    }
    return index;
  }

  private takeOfString(byte: number): void {
    if (this.escaped) this.escaped = false;
    else if (byte === byteOf.backslash) this.escaped = true;
    else if (byte === byteOf.quote) this.insideString = false;
    else if (byte === byteOf.lineFeed) this.line++;
  }
}

/** The index of the next byte that can mean something inside a string. Most cannot, and this loop is quick. */
function plainUntil(bytes: Buffer, start: number): number {
  let index = start;
  for (; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === byteOf.quote || byte === byteOf.backslash || byte === byteOf.lineFeed) return index;
  }
  return index;
}

export function isJsonBlank(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}
