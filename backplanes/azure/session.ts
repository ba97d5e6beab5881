/**
 * One connection in use: it has proved that what is published on it comes back, interest is
 * restored on it, and a canary goes on proving it until the connection ends.
 */
import { randomUUID } from 'node:crypto';
import type { Accepted } from '../backplane.ts';
import { Canary } from './canary.ts';
import { dial, type DialFailure, type DialOptions } from './dial.ts';
import { nodesGroup, probeGroup } from './group.ts';
import { Publisher } from './publisher.ts';
import type { AzureCounters } from './settings.ts';
import type { Wire, WireEnd } from './wire.ts';

export interface SessionOptions extends DialOptions {
  readonly counters: AzureCounters;
  /** Brings the node's interest to a new connection; rejects when that is not possible. */
  readonly restore: (wire: Wire) => Promise<void>;
}

export type SessionResult =
  | { readonly session: Session; readonly failure?: never }
  | { readonly session?: never; readonly failure: DialFailure };

interface CanaryNeeds extends SessionOptions {
  readonly inboundCount: () => number;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #wire: Wire;
  readonly #publisher: Publisher;
  readonly #canary: Canary;

  /** Never throws. The session is ready for use, or there is none. */
  static async open(options: SessionOptions): Promise<SessionResult> {
    const group = probeGroup(randomUUID());
    let heard: (song: number) => void = () => undefined;
    let messages = 0;
    const { failure, wire } = await dial({
      ...options,
      onData: (from, bytes) => {
        if (from === group) {
          heard(songOf(bytes));
          return;
        }
        messages += 1;
        options.onData(from, bytes);
      },
    });
    if (failure !== undefined) return { failure };
    const echoed = new Promise<void>((resolve) => {
      heard = () => resolve();
    });
    const reason = await prove(wire, { ...options, group, echoed });
    if (reason !== undefined) {
      wire.end(reason);
      return { failure: { reason, isRefusal: false } };
    }
    const session = new Session(wire, group, { ...options, inboundCount: () => messages });
    heard = (song) => session.#canary.heard(song);
    return { session };
  }

  private constructor(wire: Wire, probe: string, options: CanaryNeeds) {
    const { counters, inboundCount, settings } = options;
    this.#options = options;
    this.#wire = wire;
    this.#publisher = new Publisher({ wire, settings, counters });
    this.#canary = new Canary({
      tickMs: settings.canaryTickMs,
      sing: (song) => {
        // Should it be refused there is no echo: that says it all.
        wire.send(probe, songBytes(song)).catch(() => undefined);
      },
      inboundCount,
      onDeaf: () => {
        counters.canaryMisses += 1;
        wire.end('messages published on this connection do not come back');
      },
    });
    void wire.ended.then(({ reason }) => {
      this.#canary.stop();
      this.#publisher.end(reason);
    });
  }

  /** Resolves once, when it is over. Never rejects. */
  get ended(): Promise<WireEnd> {
    return this.#wire.ended;
  }

  get isUsable(): boolean {
    return this.#wire.isUsable;
  }

  /** Settles as `Backplane.publish` does. The envelope and its key fit into one batch. */
  publish(group: string, key: string, bytes: Uint8Array): Promise<Accepted> {
    return this.#publisher.publish(group, key, bytes);
  }

  /** Waits for what is on its way, as long as allowed, and ends. Accepts nothing more. */
  async drain(): Promise<void> {
    await this.#publisher.drain(this.#options.settings.drainTimeoutMs);
    this.#wire.end('this node closed it');
  }
}

interface ProveOptions extends SessionOptions {
  readonly group: string;
  readonly echoed: Promise<void>;
}

/** Resolves with undefined when it works, else with the reason for people. Never rejects. */
async function prove(wire: Wire, options: ProveOptions): Promise<string | undefined> {
  const { connectTimeoutMs } = options.settings;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    const reason = `it did not join and publish within ${connectTimeoutMs} ms`;
    timer = setTimeout(() => resolve(reason), connectTimeoutMs);
  });
  const ended = wire.ended.then(({ reason }) => reason);
  try {
    return await Promise.race([late, ended, joinAndEcho(wire, options)]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}

async function joinAndEcho(
  wire: Wire,
  { echoed, group, restore }: ProveOptions,
): Promise<undefined> {
  const answers = await Promise.all([wire.join(group), wire.join(nodesGroup), restore(wire)]);
  for (const answer of answers) {
    if (answer?.kind === 'refused') throw new Error(`it refused a group (${answer.message})`);
  }
  const sent = await wire.send(group, songBytes(0));
  if (sent.kind === 'refused') throw new Error(`it refused a message (${sent.message})`);
  await echoed;
}

function songBytes(song: number): Buffer {
  return Buffer.from(`${song}`);
}

function songOf(bytes: Buffer): number {
  return Number(bytes.toString('latin1'));
}
