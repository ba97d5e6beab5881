/** Asks the nodes of a cluster for the slot map, one after the other until one answers. */
import type { Redis } from 'ioredis';
import { addressText, type RedisAddress } from './redis-url.ts';
import { readSlotMap, type SlotMap } from './slot-map.ts';

export interface SlotReaderOptions {
  readonly seeds: readonly RedisAddress[];
  /** A client that is not connected yet. */
  readonly create: (address: RedisAddress) => Redis;
  /** How long one node may take to answer. */
  readonly timeoutMs: number;
}

const unreachableMessage = 'no node of the cluster answers';

export class SlotReader {
  readonly #options: SlotReaderOptions;
  /** Most promising first. */
  #candidates: RedisAddress[];
  #current: { readonly address: RedisAddress; readonly client: Redis } | undefined;
  #isClosed = false;

  constructor(options: SlotReaderOptions) {
    this.#options = options;
    this.#candidates = [...options.seeds];
  }

  /** This node is asked next: it has just shown that it knows more than the one asked so far. */
  prefer(address: RedisAddress): void {
    this.#candidates = unique([address, ...this.#candidates]);
    if (
      this.#current !== undefined &&
      addressText(this.#current.address) !== addressText(address)
    ) {
      this.#drop();
    }
  }

  /** @throws the last node's error when none of them answers. One call at a time. */
  async read(): Promise<SlotMap> {
    let lastError: unknown = new Error(unreachableMessage);
    for (let tries = this.#candidates.length; tries > 0 && !this.#isClosed; tries -= 1) {
      try {
        const { client, address } = await this.#connected();
        const reply = await this.#inTime(client.cluster('SLOTS'));
        const map = readSlotMap(reply, address);
        if (map.nodes.length > 0) {
          this.#candidates = unique([address, ...map.nodes, ...this.#options.seeds]);
          return map;
        }
        lastError = new Error(`${addressText(address)} has no slots: it is in no cluster`);
      } catch (error) {
        lastError = error;
      }
      this.#drop();
      const [failed, ...others] = this.#candidates;
      if (failed !== undefined) this.#candidates = [...others, failed];
    }
    throw lastError;
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  async #connected(): Promise<{ readonly address: RedisAddress; readonly client: Redis }> {
    if (this.#current?.client.status === 'ready') return this.#current;
    this.#drop();
    const [address] = this.#candidates;
    if (address === undefined) throw new Error(unreachableMessage);
    const client = this.#options.create(address);
    this.#current = { address, client };
    let trouble: Error | undefined;
    client.on('error', (error: Error) => {
      trouble = error;
    });
    try {
      await this.#inTime(client.connect());
    } catch (cause) {
      // The error event names the reason; the rejection says only that the connection closed.
      const message = trouble?.message ?? (cause instanceof Error ? cause.message : String(cause));
      throw new Error(`${addressText(address)}: ${message}`, { cause });
    }
    return { address, client };
  }

  #drop(): void {
    this.#current?.client.disconnect();
    this.#current = undefined;
  }

  async #inTime<T>(promise: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function unique(addresses: readonly RedisAddress[]): RedisAddress[] {
  return [...new Map(addresses.map((each) => [addressText(each), each])).values()];
}
