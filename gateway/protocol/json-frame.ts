/** One command of a JSON frame. */
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
