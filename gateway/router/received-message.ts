/** An envelope as the message that codecs encode. */
import type { EnvelopeView } from '../../backplanes/envelope.ts';
import type { Extension } from '../../backplanes/envelope-extension.ts';
import type { Message, Metadata, Payload, StreamFragment } from '../protocol/model.ts';

export class ReceivedMessage implements Message {
  readonly #envelope: EnvelopeView;

  constructor(envelope: EnvelopeView) {
    this.#envelope = envelope;
  }

  get from(): 'group' | 'server' {
    return this.#envelope.kind === 'group' ? 'group' : 'server';
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

  get metadata(): Metadata | undefined {
    return this.#extension?.metadata;
  }

  get stream(): StreamFragment | undefined {
    return this.#extension?.stream;
  }

  get #extension(): Extension | undefined {
    return this.#envelope.extension;
  }
}
