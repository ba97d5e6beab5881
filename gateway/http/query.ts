/** Reads the query of a request: repeated keys, percent-encoding, and typed values. */
import { shown } from '../protocol/shown.ts';
import { InvalidArgument } from './errors.ts';

export class Query {
  readonly #values = new Map<string, string[]>();

  /**
   * @param raw without the question mark. Keys are compared ignoring case; `+` is a space.
   * @throws InvalidArgument: percent-encoding that is none.
   */
  constructor(raw: string) {
    for (const pair of raw.split('&')) {
      if (pair === '') continue;
      const [name = '', ...rest] = pair.split('=');
      const key = decode(name, pair).toLowerCase();
      const values = this.#values.get(key);
      const value = decode(rest.join('='), pair);
      if (values === undefined) this.#values.set(key, [value]);
      else values.push(value);
    }
  }

  /** Every value of a key that may be repeated, in order. */
  list(name: string): readonly string[] {
    return this.#values.get(name.toLowerCase()) ?? [];
  }

  /** @throws InvalidArgument: the key is there twice. */
  text(name: string): string | undefined {
    const values = this.list(name);
    if (values.length <= 1) return values[0];
    throw new InvalidArgument(name, `${name} is there ${values.length} times; send it once.`);
  }

  /** @throws InvalidArgument: it is not a whole number between the bounds, or there twice. */
  integer(name: string, bounds: { readonly min: number; readonly max: number }) {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= bounds.min && value <= bounds.max) return value;
    throw new InvalidArgument(
      name,
      `${name} must be a whole number of ${bounds.min}..${bounds.max}, got ${shown(text)}.`,
    );
  }

  /** @throws InvalidArgument: it is neither true nor false, or there twice. */
  truth(name: string): boolean | undefined {
    const text = this.text(name);
    if (text === undefined || text === 'true' || text === 'false') {
      return text === undefined ? undefined : text === 'true';
    }
    throw new InvalidArgument(name, `${name} must be true or false, got ${shown(text)}.`);
  }
}

function decode(text: string, pair: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new InvalidArgument('query', `The query has a bad percent-encoding in ${shown(pair)}.`);
  }
}
