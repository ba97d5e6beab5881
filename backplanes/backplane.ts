/**
 * The contract between a gateway node and the broker that joins it to the other nodes. Adapters
 * implement it; test/conformance holds the suite that each must pass. Read with it:
 * docs/BACKPLANES.md for what each adapter promises beyond this.
 */

/** What the broker said about an accepted publish. */
export interface Accepted {
  /** Nodes that will get it, where the broker tells; undefined where it does not. */
  readonly receivers: number | undefined;
}

/** Why live traffic may be missing. */
export type GapReason = 'reconnected' | 'failover' | 'overflow' | 'resubscribed' | 'unknown';

/** What the gateway hands to the adapter at `start`. Callbacks must not throw. */
export interface BackplaneSink {
  /**
   * One envelope, published by any node (this one included) on a key that this node subscribed.
   * Called in the order of each publisher per key. `bytes` are shared, so neither side changes them:
   * they are read until the turn of the event loop ends. Who keeps them longer copies them, because
   * they may hold on to a larger buffer of the adapter's.
   */
  onEnvelope(key: string, bytes: Uint8Array): void;
  /** Envelopes may have been lost on these keys, or on all, since the last call. */
  onGap(keys: readonly string[] | 'all', reason: GapReason): void;
  /** The link to the broker came up or went down. `start` resolves after the first `up`. */
  onLink(state: 'up' | 'down', detail: string): void;
}

/** What an adapter can and cannot do; callers decide by these and never by its name. */
export interface BackplaneTraits {
  /**
   * `immediate`: once `subscribe` resolved, every later publish by any node arrives. `eventual`:
   * only soon (NATS clusters spread interest within some 50 ms).
   */
  readonly interest: 'immediate' | 'eventual';
  /** Largest envelope that `publish` accepts, in bytes. */
  readonly envelopeBytesMax: number;
  /** True: `Accepted.receivers` is the exact number of interested nodes. */
  readonly countsReceivers: boolean;
  /** True: nodes in other processes are reached. */
  readonly crossesProcesses: boolean;
}

/** The publish was not accepted, and will not be; trying again later is safe. */
export class BackplaneUnavailableError extends Error {
  override readonly name = 'BackplaneUnavailableError';
}

/** No answer in time: the publish may or may not have happened. Unknown is not failed. */
export class PublishOutcomeUnknownError extends Error {
  override readonly name = 'PublishOutcomeUnknownError';
}

export interface Backplane {
  readonly traits: BackplaneTraits;
  /** What the adapter counts since its start, by name, for the metrics page. */
  readonly counters?: Readonly<Record<string, number>>;
  /**
   * Connects and starts to deliver. Called once, before everything else.
   * @throws BackplaneUnavailableError when the broker cannot be reached; says which and what to do.
   */
  start(sink: BackplaneSink): Promise<void>;
  /**
   * From the moment the promise resolves the broker has confirmed this node's interest in `key`.
   * The adapter keeps the interest over reconnects. Subscribing twice is the caller's bug.
   */
  subscribe(key: string): Promise<void>;
  /** Ends the interest. Envelopes already on their way may still arrive. */
  unsubscribe(key: string): Promise<void>;
  /**
   * Publishes to every node with interest in `key`. Resolves when the broker accepted it. Bytes are
   * read before the call returns or are kept unchanged by the adapter: the caller must not change
   * them. What is published in one turn of the event loop goes out together and keeps its order.
   * @throws BackplaneUnavailableError: not accepted. PublishOutcomeUnknownError: nobody knows.
   */
  publish(key: string, bytes: Uint8Array): Promise<Accepted>;
  /**
   * Resolves when everything that the broker had for this node at the time of the call has been given
   * to the sink; rejects while that cannot be known. Not there: all keys come by one way, so that what
   * is published on one of them arrives behind everything that was published before.
   */
  caughtUp?(): Promise<void>;
  /** True while publishes have a chance to be accepted. */
  isUp(): boolean;
  /** Ends all interest and the connection. Idempotent. */
  close(): Promise<void>;
}
