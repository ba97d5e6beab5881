/** The client subprotocol `json.webpubsub.azure.v1` (Azure §3): its frames to commands. */
import { readState } from './client-state.ts';
import type { Codec, DecodeLimits, Encoder } from './codec.ts';
import { refused } from './frame-fields.ts';
import { commonNames, FrameVerbs, type CommonName } from './frame-verbs.ts';
import { groupStateVerbs } from './group-state-verbs.ts';
import { createJsonFrame, expectText, type JsonFrame } from './json-frame.ts';
import { asBuffer } from './json-payload.ts';
import { JsonWebPubSubEncoder } from './json-webpubsub-encoder.ts';
import type { Command } from './model.ts';
import { VerbTable } from './verb-table.ts';

export const jsonWebPubSubName = 'json.webpubsub.azure.v1';

/**
 * Decodes one frame at a time: a command's payload is a view into the frame, everything else in it
 * is a copy. Optional properties that are null count as missing.
 */
export class JsonWebPubSubCodec implements Codec {
  readonly name: string = jsonWebPubSubName;
  readonly subprotocol: string = jsonWebPubSubName;
  readonly encoder: Encoder = new JsonWebPubSubEncoder(jsonWebPubSubName);
  // Scratch of the frame being decoded; nothing in it outlives the call.
  readonly #frame: JsonFrame<CommonName | 'sequenceId' | 'state'>;
  readonly #verbs: VerbTable;

  constructor(limits: DecodeLimits) {
    this.#frame = createJsonFrame([...commonNames, 'sequenceId', 'state'], limits.jsonDepthMax);
    const { fields } = this.#frame;
    const common = new FrameVerbs(this.#frame, limits);
    this.#verbs = new VerbTable({
      ...common.table,
      sequenceAck: () => this.#sequenceAck(),
      ...groupStateVerbs(common, () => readState(fields, fields.field.state)),
    });
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
