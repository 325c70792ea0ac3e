import { byteOf, isJsonBlank, JsonNesting } from './json-nesting.ts';

export type ValueKind = 'array' | 'object' | 'scalar';

const maxKeyBytes = 1000;

/** Follows the members of nested objects in JSON text, byte by byte. What arrays hold is passed over. */
export class JsonMembers {
  readonly nesting = new JsonNesting();
  /** The member each open object is at, outermost first. */
  private readonly names: string[] = [];
  private keyBytes: number[] = [];
  private expected: 'key' | 'value' | 'nothing' = 'value';
  /** Depth inside the outermost open array; 0: none is open. */
  private arrayDepth = 0;

  /** Takes the next byte; tells what kind of value begins with it, if one does. */
  take(byte: number): ValueKind | undefined {
    const structural = this.nesting.take(byte);
    if (this.arrayDepth > 0) {
      if (this.nesting.depth < this.arrayDepth) this.arrayDepth = 0;
      return undefined;
    }
    if (this.expected === 'value') return isJsonBlank(byte) ? undefined : this.beginValue(byte);
    if (structural) this.takeStructure(byte);
    else if (this.expected === 'key' && this.keyBytes.length < maxKeyBytes) this.keyBytes.push(byte);
    return undefined;
  }

  /** The names that lead to the value that has just begun. */
  path(kind: ValueKind): string[] {
    return this.names.slice(0, this.nesting.depth - (kind === 'scalar' ? 0 : 1));
  }

  private beginValue(byte: number): ValueKind {
    this.expected = 'nothing';
    if (byte === byteOf.openBracket) {
      this.arrayDepth = this.nesting.depth;
      return 'array';
    }
    if (byte !== byteOf.openBrace) return 'scalar';
    this.expected = 'key';
    return 'object';
  }

  private takeStructure(byte: number): void {
    if (byte === byteOf.comma) this.expected = 'key';
    if (byte !== byteOf.colon) return;
    this.names.length = Math.max(0, this.nesting.depth - 1);
    this.names.push(decodeKey(this.keyBytes));
    this.keyBytes = [];
    this.expected = 'value';
  }
}

function decodeKey(bytes: readonly number[]): string {
  try {
    return String(JSON.parse(Buffer.from(bytes).toString()));
  } catch {
    // Too long to be kept whole, or no JSON: nobody asks for it by name.
    return '';
  }
}

/** Dotted paths of the arrays in the beginning of a JSON document, at most ten. */
export function arrayPathsIn(head: Buffer): string[] {
  const members = new JsonMembers();
  const paths: string[] = [];
  for (const byte of head) {
    if (paths.length === 10) break;
    if (members.take(byte) === 'array') paths.push(members.path('array').join('.'));
  }
  return paths.filter((path) => path !== '');
}
