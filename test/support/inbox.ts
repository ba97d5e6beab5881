/** What has arrived at a client, to be read in order with a deadline. */
import { waitFor } from './wait.ts';

export class Inbox<T> {
  readonly #what: string;
  readonly #items: { readonly item: T }[] = [];
  #read = 0;

  /** @param what names the items in the error of a test that waited in vain. */
  constructor(what: string) {
    this.#what = what;
  }

  push(item: T): void {
    this.#items.push({ item });
  }

  /** The next item that was not read; waits for it. */
  async next(): Promise<T> {
    const what = `another of ${this.#what} arrives after ${this.#read}`;
    const { item } = await waitFor(() => this.#items[this.#read], { what });
    this.#read += 1;
    return item;
  }

  /** The next `count` items. */
  async take(count: number): Promise<T[]> {
    const items: T[] = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }

  /** Everything up to the item that `isLast` names, without it. */
  async until(isLast: (item: T) => boolean): Promise<T[]> {
    const items: T[] = [];
    for (;;) {
      const item = await this.next();
      if (isLast(item)) return items;
      items.push(item);
    }
  }

  /** What arrived and was not read yet. */
  get unread(): readonly T[] {
    return this.#items.slice(this.#read).map(({ item }) => item);
  }
}
