/** The client subprotocol `trunkline.v1.msgpack` (docs/PROTOCOL.md §5): its frames to commands. */
import { closeCodes } from './close-codes.ts';
import type { Codec, DecodeLimits, Encoder } from './codec.ts';
import { ProtocolError } from './codec.ts';
import { CommandFrame } from './command-frame.ts';
import { refused } from './frame-fields.ts';
import { asBuffer } from './json-payload.ts';
import type { Command } from './model.ts';
import { MsgpackFields } from './msgpack-fields.ts';
import { readMsgpackPayload } from './msgpack-payload.ts';
import { TrunklineMsgpackEncoder } from './trunkline-msgpack-encoder.ts';
import type { TrunklineName } from './trunkline-verbs.ts';
import { frameCommandsMax, trunklineNames, TrunklineVerbs } from './trunkline-verbs.ts';
import { VerbTable } from './verb-table.ts';

export const trunklineMsgpackName = 'trunkline.v1.msgpack';

/**
 * A frame is one or more maps, one after the other. A command's payload is a view into the frame,
 * everything else in it is a copy. Optional properties that are nil count as missing.
 */
export class TrunklineMsgpackCodec implements Codec {
  readonly name = trunklineMsgpackName;
  readonly subprotocol = trunklineMsgpackName;
  readonly isNative = true;
  readonly encoder: Encoder = new TrunklineMsgpackEncoder(trunklineMsgpackName);
  // Scratch of the map being decoded; nothing in it outlives the call.
  readonly #frame: CommandFrame<TrunklineName, MsgpackFields<TrunklineName>>;
  readonly #verbs: VerbTable;

  constructor(limits: DecodeLimits) {
    const depthMax = limits.jsonDepthMax;
    this.#frame = new CommandFrame({
      fields: new MsgpackFields(trunklineNames, depthMax),
      nested: (names) => new MsgpackFields(names, depthMax),
      readPayload: (fields) => readMsgpackPayload<TrunklineName>(fields, depthMax),
    });
    this.#verbs = new VerbTable(new TrunklineVerbs(this.#frame, limits).table);
  }

  /** Every `type` that a client may send. */
  get types(): readonly string[] {
    return this.#verbs.types;
  }

  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void {
    if (!isBinary) {
      const message = `${this.name} has binary frames only, got a text one; send MessagePack`;
      throw new ProtocolError(closeCodes.unsupportedData, message);
    }
    let start = 0;
    let count = 0;
    do {
      if (++count > frameCommandsMax) {
        throw refused(`a frame has at most ${frameCommandsMax} maps; send more frames`);
      }
      let command: Command;
      try {
        start = this.#frame.fields.readNext(asBuffer(bytes), start);
        const { fields } = this.#frame;
        command = this.#verbs.reader(fields.text(fields.field.type))();
      } finally {
        this.#frame.release();
      }
      onCommand(command);
    } while (start < bytes.length);
  }
}
