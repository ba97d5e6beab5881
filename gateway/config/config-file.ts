/** The configuration file: dotted keys over a checked JSON text. */
import {
  isJsonObject,
  JsonTextError,
  parseJsonText,
  type JsonObject,
  type JsonValue,
} from './json-text.ts';
import { nearestName } from './nearest-name.ts';

const fileCharactersMax = 1024 * 1024;

/** Keys whose content is checked as a whole (sections.ts). */
export const sectionKeys = ['hubs', 'issuers', 'retention'] as const;

export class ConfigFile {
  readonly path: string;
  readonly #root: JsonObject;

  private constructor(path: string, root: JsonObject) {
    this.path = path;
    this.#root = root;
  }

  /**
   * Reads a file's text. The result is a sentence when it is not a JSON object: where and why.
   * @param source how the user named the file, for the sentence: `--config`
   */
  static parse(source: string, path: string, text: string): ConfigFile | string {
    const named = `${source} (${path})`;
    if (text.length > fileCharactersMax) {
      return `${named} must have at most ${String(fileCharactersMax)} characters`;
    }
    try {
      const root = parseJsonText(text);
      if (isJsonObject(root)) return new ConfigFile(path, root);
      return `${named} must hold a JSON object: { "port": 8080 }`;
    } catch (error) {
      if (error instanceof JsonTextError) return `${named} must be JSON: ${error.message}`;
      throw error;
    }
  }

  /** The value under a dotted key; undefined when there is none. */
  get(key: string): JsonValue | undefined {
    let value: JsonValue | undefined = this.#root;
    for (const part of key.split('.')) value = isJsonObject(value) ? value.get(part) : undefined;
    return value;
  }

  /** How messages name a key of this file. */
  nameOf(key: string): string {
    return `"${key}" in ${this.path}`;
  }

  /** A sentence for each key that is none of the known dotted keys and no section. */
  unknownKeys(known: readonly string[]): readonly string[] {
    const names = [...known, ...sectionKeys];
    const groups = new Set(known.filter((key) => key.includes('.')).map(firstPart));
    const problems: string[] = [];
    const visit = (entries: JsonObject, prefix: string): void => {
      for (const [part, value] of entries) {
        const key = prefix + part;
        if (names.includes(key)) continue;
        if (prefix === '' && groups.has(part)) {
          if (isJsonObject(value)) visit(value, `${part}.`);
          else problems.push(`${this.nameOf(part)} must be an object`);
          continue;
        }
        problems.push(`${this.nameOf(key)} is not a setting${suggestion(key, names)}`);
      }
    };
    visit(this.#root, '');
    return problems;
  }
}

/** `; did you mean X?`, or nothing when no name is near. */
export function suggestion(name: string, candidates: Iterable<string>): string {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

function firstPart(key: string): string {
  return key.split('.')[0] ?? key;
}
