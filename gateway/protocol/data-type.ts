/** The property `dataType` of frames. */
import type { FrameFields } from './frame-fields.ts';
import { refused } from './frame-fields.ts';
import type { DataType } from './model.ts';
import { shown } from './shown.ts';

const dataTypes: ReadonlyMap<string, DataType> = new Map([
  ['json', 'json'],
  ['text', 'text'],
  ['binary', 'binary'],
  ['protobuf', 'protobuf'],
]);

/**
 * Missing is `json`; case does not matter.
 * @throws ProtocolError: it is there and none of the four.
 */
export function readDataType(fields: FrameFields<'dataType'>): DataType {
  const { dataType: field } = fields.field;
  if (!fields.isPresent(field)) return 'json';
  const name = fields.text(field);
  const dataType = dataTypes.get(name) ?? dataTypes.get(name.toLowerCase());
  if (dataType !== undefined) return dataType;
  throw refused(`"dataType" must be json, text, binary or protobuf, got ${shown(name)}`);
}
