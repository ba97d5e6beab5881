/**
 * A publication that has arrived at this node: whom it is for, and its frame in each encoding, made
 * when the first receiver of that encoding comes up and shared by the rest.
 */
import type { EnvelopeView } from '../../backplanes/envelope.ts';
import type { StreamEntry } from '../../backplanes/stream-store.ts';
import type { Encoder, Frame } from '../protocol/codec.ts';
import type { Filter } from '../protocol/filter/filter.ts';
import type { FilterSubject } from '../protocol/filter-subject.ts';
import type { FilterCache } from '../protocol/filter/filter-cache.ts';
import type { Message, MessagePlace } from '../protocol/model.ts';
import { ReceivedMessage } from './received-message.ts';

export interface DeliveryOptions {
  readonly filters: FilterCache;
  /** Whether a connection is one of this node's; only then can noEcho concern it. */
  readonly isLocal: (hub: string, connectionId: string) => boolean;
  /** True: kept beyond its turn, so its frames must not pin the pool they were cut from. */
  readonly isRetained: boolean;
  /** Members that do not get it, beside those that the publication excludes. */
  readonly without?: ReadonlySet<string> | undefined;
  /** The place of a publication to a stream. */
  readonly entry?: StreamEntry | undefined;
}

/** Who gets a delivery: a subject for its filter, with an encoding. */
export interface Receiver extends FilterSubject {
  readonly codec: { readonly encoder: Encoder };
  readonly encoderIndex: number;
}

export class Delivery {
  readonly envelope: EnvelopeView;
  /** True: every member of the destination gets it. */
  isForAll: boolean;
  /** True: it has a place in a stream, so who does not get it may have to be told. */
  readonly isPlaced: boolean;
  readonly #noEchoTo: string | undefined;
  readonly #excluded: ReadonlySet<string> | undefined;
  readonly #filter: Filter | undefined;
  readonly #expiresAtSeconds: number;
  readonly #message: Message;
  readonly #frames: (Frame | undefined)[] = [];
  readonly #skips: (Frame | undefined)[] = [];
  #isOver = false;
  readonly #options: DeliveryOptions;

  /** @throws EnvelopeError, FilterError: the envelope was not made by a node of this version. */
  constructor(envelope: EnvelopeView, options: DeliveryOptions) {
    const { filters } = options;
    this.envelope = envelope;
    this.#options = options;
    const sender = envelope.noEcho ? envelope.senderConnectionId : undefined;
    const isOurs = sender !== undefined && options.isLocal(envelope.hub, sender);
    this.#noEchoTo = isOurs ? sender : undefined;
    this.#expiresAtSeconds = envelope.expiresAtSeconds;
    // Read now, where a poisoned envelope can still be refused; encoders must not meet it.
    const { extension } = envelope;
    this.#message = new ReceivedMessage(envelope, extension, options.entry);
    this.isPlaced = options.entry !== undefined;
    const { excluded, filter } = extension ?? {};
    const { without } = options;
    this.#excluded =
      excluded === undefined && without === undefined
        ? undefined
        : new Set([...(excluded ?? []), ...(without ?? [])]);
    this.#filter = filter === undefined ? undefined : filters.get(filter);
    this.isForAll =
      this.#noEchoTo === undefined && this.#excluded === undefined && this.#filter === undefined;
  }

  /** Whether this member of the destination gets it: no exclusion, no filter is against it. */
  isFor(subject: FilterSubject): boolean {
    if (this.#isOver) return false;
    return (
      this.isForAll ||
      (subject.connectionId !== this.#noEchoTo &&
        this.#excluded?.has(subject.connectionId) !== true &&
        (this.#filter === undefined || this.#filter(subject)))
    );
  }

  /** Its place, where its destination is a stream. */
  get place(): MessagePlace | undefined {
    return this.#message.place;
  }

  /** Whether its time to live ended before `nowSeconds` (since 1970). */
  hasExpired(nowSeconds: number): boolean {
    return this.#expiresAtSeconds !== 0 && this.#expiresAtSeconds < nowSeconds;
  }

  /**
   * Its frame in an encoding; the same object whenever it is asked for.
   * @param index the encoder's number in the router's table.
   */
  frame(encoder: Encoder, index: number): Frame {
    const made = this.#frames[index];
    if (made !== undefined) return made;
    const shared = encoder.encodeMessage(this.#message);
    const frame = this.#options.isRetained ? { ...shared, bytes: ownCopy(shared.bytes) } : shared;
    this.#frames[index] = frame;
    return frame;
  }

  /**
   * What this member of the destination is sent: the message; or, where it is not for it and its
   * subprotocol follows positions, a skip; or nothing.
   */
  frameFor(receiver: Receiver): Frame | undefined {
    const { codec, encoderIndex } = receiver;
    if (this.isForAll || this.isFor(receiver)) return this.frame(codec.encoder, encoderIndex);
    return this.isPlaced ? this.#skip(codec.encoder, encoderIndex) : undefined;
  }

  /** Nobody gets it any more: its time to live has ended. */
  end(): void {
    this.#isOver = true;
    this.isForAll = false;
  }

  /** The same delivery over bytes of its own, to be kept beyond the turn that brought it. */
  retained(): Delivery {
    if (this.#options.isRetained) return this;
    const { entry } = this.#options;
    return new Delivery(this.envelope.retained(), {
      ...this.#options,
      isRetained: true,
      // Only its place is needed, not the bytes that it came in.
      entry: entry && { ...entry, bytes: noBytes },
    });
  }

  #skip(encoder: Encoder, index: number): Frame | undefined {
    return (this.#skips[index] ??= encoder.encodeSkip?.(this.#message));
  }
}

const noBytes = new Uint8Array(0);

function ownCopy(bytes: Uint8Array): Uint8Array {
  const owned = Buffer.allocUnsafeSlow(bytes.length);
  owned.set(bytes);
  return owned;
}
