/**
 * Reads a JSON text that a person wrote. `JSON.parse` is not used because its messages give no line
 * and column on every Node.js, and because it accepts a key twice.
 */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export type JsonObject = ReadonlyMap<string, JsonValue>;

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Message such as `line 3, column 7: expected "," or "}"`. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
}

const depthMax = 32;

/** @throws JsonTextError when the text is not exactly one JSON value, or has a key twice. */
export function parseJsonText(text: string): JsonValue {
  // Editors on Windows may write a byte order mark; it says nothing about the content.
  return new JsonTextParser(text.startsWith('\uFEFF') ? text.slice(1) : text).parse();
}

class JsonTextParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): JsonValue {
    const value = this.#readValue(0);
    this.#skipBlanks();
    if (this.#at < this.#text.length) this.#fail('expected the end of the file');
    return value;
  }

  #readValue(depth: number): JsonValue {
    if (depth > depthMax) this.#fail(`expected at most ${String(depthMax)} levels`);
    this.#skipBlanks();
    const next = this.#text[this.#at];
    if (next === '{') return this.#readObject(depth);
    if (next === '[') return this.#readArray(depth);
    if (next === '"') return this.#readString();
    const token = this.#match(/(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)\b/y);
    if (token === undefined) this.#fail('expected a value');
    if (token === 'null') return null;
    return token === 'true' || (token === 'false' ? false : Number(token));
  }

  #readObject(depth: number): JsonValue {
    const entries = new Map<string, JsonValue>();
    this.#at += 1;
    if (this.#take('}')) return entries;
    do {
      this.#skipBlanks();
      const keyAt = this.#at;
      if (this.#text[keyAt] !== '"') this.#fail('expected a key in double quotes');
      const key = this.#readString();
      if (entries.has(key)) {
        this.#at = keyAt;
        this.#fail(`expected each key once, got ${JSON.stringify(key)} again`);
      }
      if (!this.#take(':')) this.#fail('expected ":"');
      entries.set(key, this.#readValue(depth + 1));
    } while (this.#take(','));
    if (!this.#take('}')) this.#fail('expected "," or "}"');
    return entries;
  }

  #readArray(depth: number): JsonValue {
    const items: JsonValue[] = [];
    this.#at += 1;
    if (this.#take(']')) return items;
    do {
      items.push(this.#readValue(depth + 1));
    } while (this.#take(','));
    if (!this.#take(']')) this.#fail('expected "," or "]"');
    return items;
  }

  #readString(): string {
    const pattern = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
    const token = this.#match(pattern);
    if (token === undefined) this.#fail('expected a string that ends on its line with "');
    // A string token as matched above is always a JSON string.
    return JSON.parse(token) as string;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0];
    this.#at += token?.length ?? 0;
    return token;
  }

  #take(mark: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #skipBlanks(): void {
    this.#match(/[ \t\r\n]*/y);
  }

  #fail(expected: string): never {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    const column = this.#at - before.lastIndexOf('\n');
    const isComment = /^\/[/*]|^#/.test(this.#text.slice(this.#at, this.#at + 2));
    const hint = isComment ? ' (JSON has no comments)' : '';
    throw new JsonTextError(`line ${String(line)}, column ${String(column)}: ${expected}${hint}`);
  }
}
