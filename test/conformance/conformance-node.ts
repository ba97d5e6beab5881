/** One node of the backplane suite: a backplane, and a sink that keeps what it is given. */
import { randomUUID } from 'node:crypto';
import type { Backplane, BackplaneSink, BackplaneTraits } from '../../backplanes/backplane.ts';
import { waitFor } from '../support/wait.ts';

/** A backplane with a sink that keeps what it is given. */
export class ConformanceNode {
  readonly backplane: Backplane;
  readonly traits: BackplaneTraits;
  /** Envelopes by key, in the order of their arrival. */
  readonly received = new Map<string, Uint8Array[]>();
  readonly links: ('up' | 'down')[] = [];
  gaps = 0;
  #isPublishing = false;
  /** Envelopes that arrived while `publish` had not returned. */
  reentered = 0;
  /** Envelopes whose bytes changed before the end of the turn that brought them. */
  changed = 0;
  /** What this node sends to find out whether another hears it on a key. */
  readonly #probe = Buffer.from(`${probeMark}${randomUUID()}`);
  /** Probes that arrived, as key and content. */
  readonly #probed = new Set<string>();
  readonly #shared: { readonly shared: Uint8Array; readonly bytes: Uint8Array }[] = [];

  constructor(backplane: Backplane) {
    this.backplane = backplane;
    this.traits = backplane.traits;
  }

  readonly sink: BackplaneSink = {
    onEnvelope: (key, bytes) => {
      if (this.#isPublishing) this.reentered += 1;
      if (isProbe(bytes)) this.#probed.add(probeOn(key, bytes));
      else this.#keep(key, bytes);
    },
    onGap: () => {
      this.gaps += 1;
    },
    onLink: (state) => {
      this.links.push(state);
    },
  };

  start(): Promise<void> {
    return this.backplane.start(this.sink);
  }

  got(key: string): Uint8Array[] {
    return this.received.get(key) ?? [];
  }

  texts(key: string): string[] {
    return this.got(key).map((bytes) => Buffer.from(bytes).toString());
  }

  publish(key: string, content: string | Uint8Array): ReturnType<Backplane['publish']> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.#isPublishing = true;
    try {
      return this.backplane.publish(key, bytes);
    } finally {
      this.#isPublishing = false;
    }
  }

  #keep(key: string, shared: Uint8Array): void {
    const bytes = Uint8Array.from(shared);
    if (this.#shared.length === 0) setImmediate(() => this.#compareShared());
    this.#shared.push({ shared, bytes });
    const kept = this.received.get(key);
    if (kept === undefined) this.received.set(key, [bytes]);
    else kept.push(bytes);
  }

  /** The end of a turn: until now the adapter must have left the bytes alone. */
  #compareShared(): void {
    for (const { bytes, shared } of this.#shared.splice(0)) {
      if (!Buffer.from(bytes).equals(shared)) this.changed += 1;
    }
  }

  /** Subscribes, and waits until publishes of `from` arrive where that takes longer. */
  async subscribe(key: string, from: ConformanceNode): Promise<void> {
    await this.backplane.subscribe(key);
    if (this.traits.interest === 'immediate') return;
    // That of this one sender on this one key: those of others say nothing about its way here.
    const expected = probeOn(key, from.#probe);
    this.#probed.delete(expected);
    await waitFor(
      async () => {
        await from.backplane.publish(key, from.#probe);
        return this.#probed.has(expected);
      },
      { what: `publishes on ${key.slice(0, 40)} arrive` },
    );
  }

  /** Resolves when `count` envelopes arrived on `key`. */
  async waitForCount(key: string, count: number): Promise<void> {
    await waitFor(() => this.got(key).length >= count, {
      what: `${count} envelopes arrived on ${key.slice(0, 40)}, so far ${this.got(key).length}`,
    });
  }
}

const probeMark = 'a probe of the conformance suite ';

function isProbe(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).toString().startsWith(probeMark);
}

function probeOn(key: string, probe: Uint8Array): string {
  return `${key}\n${Buffer.from(probe).toString()}`;
}
