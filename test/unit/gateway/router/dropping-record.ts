/** What a member was sent by a destination that may drop messages, and whether it was told of each. */
import assert from 'node:assert/strict';
import type { TestClient } from './fakes.ts';

interface Sent {
  readonly text: string;
  readonly isFor: boolean;
  /** Publications with the same key and audience replace each other under `latest`. */
  readonly key: string | undefined;
  readonly audience: string | undefined;
}

/** One time of membership: begins empty, at the present end of what the client got. */
export class DroppingRecord {
  readonly #group: string;
  readonly #client: TestClient;
  readonly #sent: Sent[] = [];
  readonly #textsBefore: number;
  readonly #toldBefore: number;

  constructor(group: string, client: TestClient) {
    this.#group = group;
    this.#client = client;
    this.#textsBefore = client.texts.length;
    this.#toldBefore = client.gaps.length;
  }

  add(sent: Sent): void {
    this.#sent.push(sent);
  }

  /** In order, nothing twice, nothing of others; and each hole was told before what follows it. */
  check(): void {
    let index = 0;
    let missing = 0;
    for (const { text, textsBefore } of this.#got()) {
      for (;;) {
        const sent = this.#sent[index];
        assert.ok(sent !== undefined, `not sent, or out of order: ${text.slice(0, 20)}`);
        index += 1;
        if (sent.text === text) break;
        if (sent.isFor) missing += 1;
      }
      assert.equal(this.#sent[index - 1]?.isFor, true, `not for it: ${text.slice(0, 20)}`);
      const told = this.#told(textsBefore);
      assert.ok(missing <= told, `${missing} missing before ${text.slice(0, 20)}, ${told} told`);
    }
    assert.ok(this.#told() <= this.#sent.length - this.#got().length, 'told more than was dropped');
  }

  /** After it caught up: everything that was for it was given or told. */
  checkComplete(): void {
    const wanted = this.#sent.filter(({ isFor }) => isFor).length;
    const missing = wanted - this.#got().length;
    assert.ok(missing <= this.#told(), `${missing} missing, ${this.#told()} told`);
    if (missing === 0) return;
    assert.ok(this.#told() > 0);
  }

  checkNothingDropped(): void {
    assert.equal(this.#told(), 0);
  }

  /** The newest publication of each key was given, where it was for this member. */
  checkNewest(): void {
    const newest = new Map(
      this.#sent.map((sent) => [JSON.stringify([sent.key, sent.audience]), sent]),
    );
    const got = new Set(this.#got().map(({ text }) => text));
    for (const { isFor, text } of newest.values()) {
      if (isFor) assert.ok(got.has(text), `the newest of its key is missing: ${text.slice(0, 20)}`);
    }
  }

  #got(): { readonly text: string; readonly textsBefore: number }[] {
    return this.#client.texts
      .map((text, textsBefore) => ({ text, textsBefore }))
      .slice(this.#textsBefore)
      .filter(({ text }) => text.startsWith(`${this.#group} `));
  }

  /** Messages told as dropped by the time the client had got so many texts. */
  #told(textsMax: number = Number.POSITIVE_INFINITY): number {
    return this.#client.gaps
      .slice(this.#toldBefore)
      .filter((notice, index) => {
        const { to } = notice;
        const at = this.#client.gapPlaces[this.#toldBefore + index] ?? 0;
        return to?.kind === 'group' && to.name === this.#group && at <= textsMax;
      })
      .reduce((sum, { dropped = 0 }) => sum + dropped, 0);
  }
}
