/** Turns publications into envelopes, and knows on which key each goes out. */
import { encodeEnvelope } from '../../backplanes/envelope.ts';
import type { Extension } from '../../backplanes/envelope-extension.ts';
import type { Clock } from '../clock.ts';
import { destinationKey, inboxKey, nodeOfConnection } from './keys.ts';
import type { Publication } from './ports.ts';

/** Keys whose counters are remembered; the counting of a forgotten key begins anew, higher up. */
const countedKeysMax = 100_000;

export interface Outgoing {
  /** The publication's id. */
  readonly id: string;
  readonly key: string;
  readonly bytes: Uint8Array;
}

export class PublicationWriter {
  readonly #nodeId: string;
  readonly #clock: Pick<Clock, 'wallSeconds'>;
  #idCounter = 0;
  #counters = new Map<string, number>();
  /** What counters begin above; never lower than one that was used. */
  #counterBase = 0;
  readonly #nodeFor: (connectionId: string) => string | undefined;

  /**
   * @param nodeId unique per start; every publication id begins with it.
   * @param nodeFor the node to which messages to a connection go; undefined: no node made its id.
   */
  constructor(
    nodeId: string,
    clock: Pick<Clock, 'wallSeconds'>,
    nodeFor: (connectionId: string) => string | undefined = nodeOfConnection,
  ) {
    this.#nodeId = nodeId;
    this.#clock = clock;
    this.#nodeFor = nodeFor;
  }

  /** Copies the payload. @throws EnvelopeError when a name is longer than an envelope can say. */
  write(publication: Publication): Outgoing {
    const { hub, payload, sender, to, ttlSeconds } = publication;
    const key = this.#keyOf(publication);
    const id = publication.id ?? this.#nextId();
    const bytes = encodeEnvelope({
      id,
      hasChosenId: publication.id !== undefined,
      nodeId: this.#nodeId,
      counter: this.#nextCounter(key),
      hub,
      kind: to.kind,
      name: to.kind === 'all' ? '' : to.name,
      dataType: payload.dataType,
      data: payload.bytes,
      senderConnectionId: sender?.connectionId,
      senderUserId: sender?.userId,
      noEcho: publication.noEcho ?? false,
      expiresAtSeconds:
        ttlSeconds === undefined || ttlSeconds === 0 ? 0 : this.#clock.wallSeconds() + ttlSeconds,
      extension: extensionOf(publication),
    });
    return { id, key, bytes };
  }

  /** A connection's messages go to its node; an id that no node made goes to our own inbox. */
  #keyOf({ hub, to }: Publication): string {
    if (to.kind !== 'connection') return destinationKey(hub, to);
    return inboxKey(this.#nodeFor(to.name) ?? this.#nodeId);
  }

  /** Unique everywhere, because the node's id is. */
  #nextId(): string {
    this.#idCounter += 1;
    return `${this.#nodeId}.${this.#idCounter.toString(36)}`;
  }

  #nextCounter(key: string): number {
    const known = this.#counters.get(key);
    if (known === undefined && this.#counters.size >= countedKeysMax) {
      this.#counters = new Map();
      this.#counterBase += 2 ** 32;
    }
    const counter = (known ?? this.#counterBase) + 1;
    this.#counters.set(key, counter);
    return counter;
  }
}

function extensionOf(publication: Publication): Extension | undefined {
  const { excluded, filter, metadata, stream } = publication;
  const hasExcluded = excluded !== undefined && excluded.length > 0;
  if (!hasExcluded && filter === undefined && metadata === undefined && stream === undefined) {
    return undefined;
  }
  return {
    ...(hasExcluded ? { excluded } : {}),
    ...(filter === undefined ? {} : { filter }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(stream === undefined ? {} : { stream }),
  };
}
