/** An envelope as the message that codecs encode. */
import type { EnvelopeView } from '../../backplanes/envelope.ts';
import type { Extension } from '../../backplanes/envelope-extension.ts';
import type { Message, Metadata, Payload, StreamFragment } from '../protocol/model.ts';

export class ReceivedMessage implements Message {
  readonly #envelope: EnvelopeView;

  readonly metadata: Metadata | undefined;
  readonly stream: StreamFragment | undefined;

  /** @param extension of this envelope, read already. */
  constructor(envelope: EnvelopeView, extension: Extension | undefined) {
    this.#envelope = envelope;
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

  get payload(): Payload {
    return { dataType: this.#envelope.dataType, bytes: this.#envelope.data };
  }
}
