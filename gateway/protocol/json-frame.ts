/** What all JSON subprotocols do with a frame: text only, read into fields. */
import { closeCodes } from './close-codes.ts';
import { ProtocolError } from './codec.ts';
import { CommandFrame } from './command-frame.ts';
import { JsonFields } from './json-fields.ts';
import { readPayload } from './json-payload.ts';

export type JsonFrame<Name extends string> = CommandFrame<Name, JsonFields<Name>>;

/** @param names the known properties, `data` and `dataType` among them. */
export function createJsonFrame<Name extends string>(
  names: readonly (Name | 'data' | 'dataType')[],
  depthMax: number,
): JsonFrame<Name | 'data' | 'dataType'> {
  return new CommandFrame({
    fields: new JsonFields(names, depthMax),
    nested: (inner) => new JsonFields(inner, depthMax),
    readPayload: (fields) => readPayload<Name>(fields),
  });
}

/** @throws ProtocolError: the frame is binary. */
export function expectText(subprotocol: string, isBinary: boolean): void {
  if (!isBinary) return;
  const message = `${subprotocol} has text frames only, got a binary one; send JSON as text`;
  throw new ProtocolError(closeCodes.unsupportedData, message);
}
