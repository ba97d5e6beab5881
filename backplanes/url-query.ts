/** Reads the options in the query of a backplane's URL. */
import { BackplaneUnavailableError } from './backplane.ts';

/** An error that says what of a URL is wrong and what to do; never with a password. */
export function wrongUrl(broker: string, what: string, remedy: string): BackplaneUnavailableError {
  return new BackplaneUnavailableError(`The ${broker} URL ${what}: ${remedy}`);
}

export class UrlQuery {
  readonly #broker: string;
  readonly #query: URLSearchParams;

  /** @throws BackplaneUnavailableError for an option that is not one of `names`. */
  constructor(broker: string, text: string, names: readonly string[]) {
    this.#broker = broker;
    this.#query = new URLSearchParams(text);
    const unknown = [...this.#query.keys()].find((name) => !names.includes(name));
    if (unknown === undefined) return;
    throw wrongUrl(broker, `has the option "${unknown}"`, `known are ${names.join(', ')}`);
  }

  get(name: string): string | undefined {
    return this.#query.get(name) ?? undefined;
  }

  /** False when it is absent. @throws BackplaneUnavailableError for another word than true or false. */
  flag(name: string): boolean {
    const value = this.get(name) ?? 'false';
    if (value === 'true' || value === 'false') return value === 'true';
    throw wrongUrl(this.#broker, `has ${name}=${value}`, 'write true or false');
  }
}
