/** Checks an entry of a section of the configuration file with a schema, and names all problems. */
import { z } from 'zod';
import { suggestion } from './config-file.ts';
import { isJsonArray, isJsonObject, type JsonValue } from './json-text.ts';
import { describeValue } from './setting-reader.ts';

/** One field of a section, for documentation. */
export interface SectionField {
  readonly name: string;
  readonly defaultText: string;
  readonly expects: string;
  readonly meaning: string;
}

/** A section's value, or what is wrong with it. */
export interface SectionResult<T> {
  readonly value: T;
  readonly problems: readonly string[];
}

/** Names a path below the section in messages: `"hubs.chat" in trunkline.json`. */
export type NameOfKey = (key: string) => string;

/** The entry as the schema has it, or what is wrong with it; messages of issues follow "must be". */
export function checkEntry<T>(
  schema: z.ZodType<T>,
  entry: JsonValue,
  key: string,
  nameOf: NameOfKey,
): SectionResult<T | undefined> {
  const plain = toPlain(entry);
  const result = schema.safeParse(plain);
  if (result.success) return { value: result.data, problems: [] };
  const problems = result.error.issues.flatMap((issue) => {
    const path = [key, ...issue.path.map(String)].join('.');
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, issue.path);
      return issue.keys.map(
        (name) => `${nameOf(`${path}.${name}`)} is not a setting${suggestion(name, known)}`,
      );
    }
    const got = describeValue(issue.path.reduce<unknown>(step, plain));
    return [`${nameOf(path)} must be ${issue.message}, got ${got}`];
  });
  return { value: undefined, problems };
}

/** Objects without a prototype, so that no key of the file can mean more than itself. */
function toPlain(value: JsonValue): unknown {
  if (isJsonObject(value)) {
    const plain = emptyRecord<unknown>();
    for (const [key, item] of value) plain[key] = toPlain(item);
    return plain;
  }
  return isJsonArray(value) ? value.map(toPlain) : value;
}

/** A record without a prototype: its keys may come from anywhere. */
export function emptyRecord<T>(): Record<string, T> {
  // Object.create is typed any; an object without prototype and members is such a record.
  return Object.create(null) as Record<string, T>;
}

function step(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

/** For schemas of objects: what an entry must be that is none. */
export function objectError(issue: { readonly code?: string | undefined }): string | undefined {
  return issue.code === 'invalid_type' ? 'an object' : undefined;
}

/** The keys of the object schema at a path of values; none where there is no such schema. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  if (schema instanceof z.ZodDefault) return keysAt(schema.unwrap(), path);
  if (schema instanceof z.ZodPipe) return keysAt(schema.in, path);
  const [first, ...rest] = path;
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest);
  if (!(schema instanceof z.ZodObject)) return [];
  return first === undefined ? Object.keys(schema.shape) : keysAt(step(schema.shape, first), rest);
}
