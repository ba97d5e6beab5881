/** An envelope as the message that codecs encode. */
import type { EnvelopeView } from '../../backplanes/envelope.ts';
import type { Extension } from '../../backplanes/envelope-extension.ts';
import type { StreamEntry } from '../../backplanes/stream-store.ts';
import type {
  Message,
  MessagePlace,
  Metadata,
  Payload,
  StreamFragment,
} from '../protocol/model.ts';

export class ReceivedMessage implements Message {
  readonly #envelope: EnvelopeView;
  readonly #entry: StreamEntry | undefined;

  readonly metadata: Metadata | undefined;
  readonly stream: StreamFragment | undefined;

  /**
   * @param extension of this envelope, read already.
   * @param entry the envelope's place, where it was published to a stream.
   */
  constructor(
    envelope: EnvelopeView,
    extension: Extension | undefined,
    entry: StreamEntry | undefined,
  ) {
    this.#envelope = envelope;
    this.#entry = entry;
    this.metadata = extension?.metadata;
    this.stream = extension?.stream;
  }

  get from(): 'group' | 'server' {
    return this.#envelope.kind === 'group' ? 'group' : 'server';
  }

  get kind(): Message['kind'] {
    return this.#envelope.kind;
  }

  get group(): string | undefined {
    return this.#envelope.kind === 'group' ? this.#envelope.name : undefined;
  }

  get fromUserId(): string | undefined {
    return this.#envelope.senderUserId;
  }

  get place(): MessagePlace | undefined {
    if (this.#entry === undefined) return undefined;
    const { epoch, offset, prev, storedAtMs, tag } = this.#entry;
    return { id: this.#envelope.id, epoch, offset, prev, tag, storedAtMs };
  }

  get payload(): Payload {
    return { dataType: this.#envelope.dataType, bytes: this.#envelope.data };
  }
}
