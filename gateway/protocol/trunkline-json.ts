/** The client subprotocol `trunkline.v1.json` (docs/PROTOCOL.md §4): its frames to commands. */
import type { Codec, DecodeLimits, Encoder } from './codec.ts';
import { refused } from './frame-fields.ts';
import { createJsonFrame, expectText, type JsonFrame } from './json-frame.ts';
import { asBuffer } from './json-payload.ts';
import { skipSpace } from './json-scanner.ts';
import type { Command } from './model.ts';
import { TrunklineJsonEncoder } from './trunkline-json-encoder.ts';
import type { TrunklineName } from './trunkline-verbs.ts';
import { frameCommandsMax, trunklineNames, TrunklineVerbs } from './trunkline-verbs.ts';
import { VerbTable } from './verb-table.ts';

export const trunklineJsonName = 'trunkline.v1.json';

const newline = 0x0a;

/**
 * A frame is one or more objects with a newline between them. A command's payload is a view into
 * the frame, everything else in it is a copy. Optional properties that are null count as missing.
 */
export class TrunklineJsonCodec implements Codec {
  readonly name = trunklineJsonName;
  readonly subprotocol = trunklineJsonName;
  readonly isNative = true;
  readonly encoder: Encoder = new TrunklineJsonEncoder(trunklineJsonName);
  // Scratch of the object being decoded; nothing in it outlives the call.
  readonly #frame: JsonFrame<TrunklineName>;
  readonly #verbs: VerbTable;

  constructor(limits: DecodeLimits) {
    this.#frame = createJsonFrame(trunklineNames, limits.jsonDepthMax);
    this.#verbs = new VerbTable(new TrunklineVerbs(this.#frame, limits).table);
  }

  /** Every `type` that a client may send. */
  get types(): readonly string[] {
    return this.#verbs.types;
  }

  decode(bytes: Uint8Array, isBinary: boolean, onCommand: (command: Command) => void): void {
    expectText(this.name, isBinary);
    let start = 0;
    for (let count = 1; ; count++) {
      if (count > frameCommandsMax) {
        throw refused(`a frame has at most ${frameCommandsMax} objects; send more frames`);
      }
      let end = start;
      let command: Command;
      try {
        end = this.#frame.fields.readNext(asBuffer(bytes), start);
        const { fields } = this.#frame;
        command = this.#verbs.reader(fields.text(fields.field.type))();
      } finally {
        this.#frame.release();
      }
      start = skipSpace(bytes, end);
      const isLast = start === bytes.length;
      if (!isLast && !bytes.subarray(end, start).includes(newline)) {
        throw refused(`expected a newline between two objects of a frame at byte ${start}`);
      }
      onCommand(command);
      if (isLast) return;
    }
  }
}
