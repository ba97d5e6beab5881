/** The application's backend: publishes numbers to a group, one after the other, until it is stopped. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { signServerToken } from '../../gateway/tokens/sign.ts';
import { waitFor } from '../support/wait.ts';

export interface NumbersOptions {
  /** Of the node that is asked. */
  readonly url: string;
  /** What the node takes itself for. */
  readonly publicEndpoint: string;
  readonly accessKey: string;
  readonly group: string;
}

export class Numbers {
  /** Those that were accepted. */
  count = 0;
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(t: TestContext, options: NumbersOptions) {
    this.#done = this.#run(options);
    t.after(() => this.stop());
  }

  /** Resolves when so many more were accepted. */
  async waitForMore(count: number): Promise<void> {
    const end = this.count + count;
    const isThere = (): boolean => this.count >= end;
    await waitFor(isThere, { what: `${count} more were accepted`, deadlineMs: 30_000 });
  }

  /** Resolves with the number of messages. */
  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#done;
    return this.count;
  }

  async #run({ accessKey, group, publicEndpoint, url }: NumbersOptions): Promise<void> {
    const path = `/api/hubs/chat/groups/${group}/:send?api-version=2024-12-01`;
    const token = signServerToken({ accessKey, url: `${publicEndpoint}${path}` });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    while (!this.#isStopped) {
      const body = String(this.count);
      const { status } = await fetch(`${url}${path}`, { method: 'POST', headers, body });
      assert.equal(status, 202);
      this.count += 1;
    }
  }
}
