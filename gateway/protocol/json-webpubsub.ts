/** The client subprotocol `json.webpubsub.azure.v1` (Azure §3): its frames to commands. */
import type { Codec, DecodeLimits, Encoder } from './codec.ts';
import { refused } from './frame-fields.ts';
import { commonNames, FrameVerbs, type CommonName } from './frame-verbs.ts';
import { createJsonFrame, expectText, type JsonFrame } from './json-frame.ts';
import { asBuffer } from './json-payload.ts';
import { JsonWebPubSubEncoder } from './json-webpubsub-encoder.ts';
import type { Command } from './model.ts';
import { VerbTable } from './verb-table.ts';

export const jsonWebPubSubName = 'json.webpubsub.azure.v1';

/** Messages that newer SDKs know and the gateway does not. */
const unsupportedTypes = ['setgroupstate', 'subscribegroupstate', 'unsubscribegroupstate'];

/**
 * Decodes one frame at a time: a command's payload is a view into the frame, everything else in it
 * is a copy. Optional properties that are null count as missing.
 */
export class JsonWebPubSubCodec implements Codec {
  readonly name: string = jsonWebPubSubName;
  readonly subprotocol: string = jsonWebPubSubName;
  readonly encoder: Encoder = new JsonWebPubSubEncoder(jsonWebPubSubName);
  // Scratch of the frame being decoded; nothing in it outlives the call.
  readonly #frame: JsonFrame<CommonName | 'sequenceId'>;
  readonly #verbs: VerbTable;

  constructor(limits: DecodeLimits) {
    this.#frame = createJsonFrame([...commonNames, 'sequenceId'], limits.jsonDepthMax);
    this.#verbs = new VerbTable(
      {
        ...new FrameVerbs(this.#frame, limits).table,
        sequenceAck: () => this.#sequenceAck(),
      },
      unsupportedTypes,
    );
  }

  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void {
    expectText(this.name, isBinary);
    let command: Command;
    try {
      this.#frame.fields.readSole(asBuffer(bytes));
      const { fields } = this.#frame;
      command = this.#verbs.reader(fields.text(fields.field.type))();
    } finally {
      this.#frame.release();
    }
    onCommand(command);
  }

  #sequenceAck(): Command {
    const { fields } = this.#frame;
    const sequenceId = fields.optionalUint64(fields.field.sequenceId);
    if (sequenceId === undefined) throw refused('"sequenceId" is missing; it must be an integer');
    return { kind: 'sequenceAck', sequenceId };
  }
}
