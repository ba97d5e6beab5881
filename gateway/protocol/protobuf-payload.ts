/** MessageData of the protobuf subprotocols (Azure §5), to payloads and back. */
import { isUtf8 } from 'node:buffer';
import { WireType } from '@bufbuild/protobuf/wire';
import { refused } from './frame-fields.ts';
import { asBuffer, soleJsonPayload } from './json-payload.ts';
import type { Payload } from './model.ts';
import { utf8Content } from './protobuf-fields.ts';
import { readOneof, type OneofShape } from './protobuf-oneof.ts';
import type { ProtobufSource } from './protobuf-scanner.ts';
import { ProtobufError, protobufSource, scanMessage } from './protobuf-scanner.ts';

/** Numbers of the members of MessageData. */
export const dataNumbers = { text: 1, binary: 2, protobuf: 3, json: 4 } as const;

const members: OneofShape = new Map([
  [dataNumbers.text, { name: 'text_data', isMessage: false }],
  [dataNumbers.binary, { name: 'binary_data', isMessage: false }],
  [dataNumbers.protobuf, { name: 'protobuf_data', isMessage: true }],
  [dataNumbers.json, { name: 'json_data', isMessage: false }],
]);

/**
 * The payload of the MessageData in `range`, a view into the frame. JSON is checked to be exactly
 * one value, because it is spliced into the JSON frames of other receivers.
 * @throws ProtocolError
 */
export function readMessageData(
  source: ProtobufSource,
  range: { readonly start: number; readonly end: number },
  jsonDepthMax: number,
): Payload {
  const member = readOneof(source, range, members);
  if (member === undefined) {
    const names = Array.from(members.values(), ({ name }) => name).join(', ');
    throw refused(`"data" has none of ${names}; send an empty text_data if there is nothing`);
  }
  const content = source.bytes.subarray(member.start, member.end);
  switch (member.number) {
    case dataNumbers.text:
      return { dataType: 'text', bytes: utf8Content(source, member, member.name) };
    case dataNumbers.json: {
      const bytes = soleJsonPayload(content, jsonDepthMax);
      return { dataType: 'json', bytes };
    }
    case dataNumbers.protobuf:
      if (isAny(content)) return { dataType: 'protobuf', bytes: content };
      throw refused('"protobuf_data" must be a google.protobuf.Any');
    default:
      return { dataType: 'binary', bytes: content };
  }
}

/**
 * The member of MessageData that carries a payload. What is said to be protobuf and is no Any goes
 * as binary: readers refuse a whole frame for one message in it that they cannot read.
 */
export function dataNumberOf({ dataType, bytes }: Payload): number {
  if (dataType === 'protobuf' && !isAny(asBuffer(bytes))) return dataNumbers.binary;
  return dataNumbers[dataType];
}

/** Whether the bytes are a google.protobuf.Any: type_url = 1 string, value = 2 bytes. */
function isAny(bytes: Buffer): boolean {
  let isRight = true;
  try {
    scanMessage(protobufSource(bytes), 0, bytes.length, {
      onField: (number, wireType, start, end) => {
        if (number > 2) return;
        isRight &&= wireType === WireType.LengthDelimited;
        isRight &&= number === 2 || isUtf8(bytes.subarray(start, end));
      },
    });
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    return false;
  }
  return isRight;
}
