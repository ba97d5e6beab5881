/** The property `data` of MessagePack frames, to payloads. */
import { readDataType } from './data-type.ts';
import { refused } from './frame-fields.ts';
import { soleJsonPayload } from './json-payload.ts';
import type { Payload } from './model.ts';
import type { MsgpackFields } from './msgpack-fields.ts';

/**
 * The payload of the map that `fields` has read, a view into it. JSON is checked to be exactly one
 * value, because it is spliced into the JSON frames of other receivers.
 * @throws ProtocolError: data is missing or not of its type.
 */
export function readMsgpackPayload<Name extends string>(
  fields: MsgpackFields<Name | 'data' | 'dataType'>,
  jsonDepthMax: number,
): Payload {
  const { data } = fields.field;
  const dataType = readDataType(fields);
  if (data.start === -1) throw refused('"data" is missing; send it, "" if there is nothing');
  switch (dataType) {
    case 'json':
      return { dataType, bytes: soleJsonPayload(fields.content(data, 'string'), jsonDepthMax) };
    case 'text':
      return { dataType, bytes: fields.content(data, 'string') };
    case 'binary':
    case 'protobuf':
      return { dataType, bytes: fields.content(data, 'binary') };
  }
}
