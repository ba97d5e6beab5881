/** A oneof: of the members of a message that exclude each other, the one that counts. */
import { WireType } from '@bufbuild/protobuf/wire';
import { refused } from './frame-fields.ts';
import { expectWireType, scan } from './protobuf-fields.ts';
import type { ProtobufSource } from './protobuf-scanner.ts';

/** The members by number; all of them have a length. */
export type OneofShape = ReadonlyMap<
  number,
  { readonly name: string; readonly isMessage: boolean }
>;

/** Where the content of the member lies. */
export interface OneofMember {
  readonly number: number;
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The last member, as proto3 has it; undefined: there is none, or none that is known.
 * @throws ProtocolError: also where a member that is a message follows itself, which some readers
 *   merge.
 */
export function readOneof(
  source: ProtobufSource,
  range: { readonly start: number; readonly end: number },
  shape: OneofShape,
): OneofMember | undefined {
  let member: OneofMember | undefined;
  scan(source, range.start, range.end, {
    onField: (number, wireType, start, end) => {
      const known = shape.get(number);
      if (known === undefined) return;
      const { name, isMessage } = known;
      expectWireType(name, wireType, WireType.LengthDelimited);
      if (isMessage && member?.number === number) {
        throw refused(`"${name}" appears twice; send it once`);
      }
      member = { number, name, start, end };
    },
  });
  return member;
}
